"""``duban schema``: the JSON Schema of a workflow file, from the types that read it."""

from __future__ import annotations

import argparse

HELP = "输出工作流文件的 JSON Schema，供编辑器使用"


def arguments(parser: argparse.ArgumentParser) -> None:
    del parser


def run(args: argparse.Namespace) -> int:
    del args
    from cli.output import print_json
    from workflows.document import Document

    schema = Document.model_json_schema(by_alias=True)
    print_json({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})
    return 0
