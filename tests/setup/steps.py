"""Reads a Dockerfile into its steps, and runs them in a clean folder instead of an image."""

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

# The absolute folders of the image; in a command each becomes a folder below the clean one.
PLACES = re.compile(r"(?<![\w.])/(venv|build|app|data)\b")


@dataclass(frozen=True)
class Step:
    verb: str
    rest: str


def steps(dockerfile: Path) -> list[Step]:
    """The instructions in order: comments dropped, continued lines joined."""
    lines = [line for line in dockerfile.read_text().splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    split = (line.split(None, 1) for line in joined.splitlines() if line.strip())
    return [Step(verb, rest) for verb, rest in split]


def words(rest: str) -> list[str]:
    """The arguments of CMD, ENTRYPOINT or VOLUME in their JSON form."""
    parsed: list[str] = json.loads(rest)
    return parsed


def allowed(name: str, dockerignore: Path) -> bool:
    """Whether .dockerignore lets the file of this name into the build context."""
    verdict = True
    for line in dockerignore.read_text().splitlines():
        pattern = line.strip().lstrip("!")
        if not pattern or line.startswith("#"):
            continue
        parts = name.split("/")
        ahead = ["/".join(parts[: i + 1]) for i in range(len(parts))]
        if pattern.startswith("**/"):
            matches = any(fnmatch.fnmatch(part, pattern[3:]) for part in parts)
        else:
            matches = any(fnmatch.fnmatch(a, pattern) and "/" not in a for a in ahead)
        if matches:
            verdict = line.startswith("!")
    return verdict


@dataclass
class Image:
    """A clean folder that stands for the image while its steps run one after the other."""

    root: Path
    context: Path
    environment: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: str = "0"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    healthcheck: list[str] = field(default_factory=list)

    def inside(self, text: str) -> str:
        """`text` with the image's folders put below the clean folder."""
        return PLACES.sub(lambda match: f"{self.root}/{match[1]}", text)

    def variables(self) -> dict[str, str]:
        """The environment of a process in the image; the shims come after the image's own PATH."""
        own = {name: self.inside(value) for name, value in self.environment.items()}
        shims = f"{self.root}/shims:/usr/sbin:/usr/bin:/sbin:/bin"
        own["PATH"] = own.get("PATH", "$PATH").replace("$PATH", shims)
        passed = {
            k: v for k, v in os.environ.items() if k.startswith("PIP_") or "proxy" in k.lower()
        }
        return passed | {"LANG": "C.UTF-8", "HOME": str(self.root)} | own

    def run(self, step: Step) -> None:
        """Carries out one step; raises CalledProcessError when its command fails."""
        if step.verb == "ARG":
            name, _, default = step.rest.partition("=")
            self.arguments[name] = default
        elif step.verb == "ENV":
            for pair in shlex.split(step.rest):
                name, _, value = pair.partition("=")
                self.environment[name] = value
        elif step.verb == "WORKDIR":
            self.workdir = step.rest
            Path(self.inside(step.rest)).mkdir(exist_ok=True)
        elif step.verb == "COPY":
            self.copy(step.rest.split())
        elif step.verb == "RUN":
            subprocess.run(
                ["sh", "-euc", self.inside(step.rest)],
                env=self.variables() | self.arguments,
                cwd=self.inside(self.workdir) if self.workdir != "/" else self.root,
                check=True,
            )
        elif step.verb == "USER":
            self.user = step.rest
        elif step.verb == "ENTRYPOINT":
            self.entrypoint = words(step.rest)
        elif step.verb == "CMD":
            self.command = words(step.rest)
        elif step.verb == "HEALTHCHECK":
            self.healthcheck = words(step.rest[step.rest.index("CMD") + 3 :])
        elif step.verb == "FROM":
            # A new stage forgets the settings of the one before; its files stay for COPY --from.
            self.environment, self.workdir, self.user = {}, "/", "0"
        elif step.verb not in ("EXPOSE", "VOLUME"):
            raise ValueError(f"the test does not know the step {step.verb}")

    def copy(self, arguments: list[str]) -> None:
        if arguments[0].startswith("--from="):
            assert Path(self.inside(arguments[1])).is_dir()  # built by the stage before
            return
        *sources, target = arguments
        place = Path(self.inside(target))
        place.mkdir(parents=True, exist_ok=True)
        for source in sources:
            found = [self.context] if source == "." else sorted(self.context.glob(source))
            assert found, source
            for path in found:
                if path.is_dir():
                    shutil.copytree(path, place, dirs_exist_ok=True)
                else:
                    shutil.copy(path, place)


def write_shims(folder: Path) -> None:
    """Commands that would change the machine only write down how they were called."""
    folder.mkdir()
    record = 'echo "$(basename "$0") $*" >>"$(dirname "$0")/called"\n'
    (folder / "groupadd").write_text("#!/bin/sh\n" + record)
    (folder / "useradd").write_text("#!/bin/sh\n" + record)
    strip = 'for a; do shift; case $a in --owner*|--group*) ;; *) set -- "$@" "$a";; esac; done\n'
    (folder / "install").write_text("#!/bin/sh\n" + record + strip + 'exec /usr/bin/install "$@"\n')
    for shim in folder.iterdir():
        shim.chmod(0o755)
    (folder / "python").symlink_to(getattr(sys, "_base_executable", sys.executable))
