// Reads files by ical.js (what Thunderbird reads by) or node-ical, prints what it sees as JSON.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [, , installed, reader, ...paths] = process.argv;
const load = createRequire(`${installed}/package.json`);

function byIcalJs(text) {
  const ICAL = load("ical.js").default ?? load("ical.js");
  ICAL.design.strict = true;
  const calendar = new ICAL.Component(ICAL.parse(text));
  const events = {};
  for (const one of calendar.getAllSubcomponents("vevent")) {
    const event = new ICAL.Event(one);
    if (!event.startDate.isDate || !event.endDate.isDate) throw new Error("not all-day");
    events[event.uid] = [
      event.summary,
      event.description,
      event.startDate.toICALString(),
      event.endDate.toICALString(),
      one.getFirstPropertyValue("status"),
    ];
  }
  return events;
}

function byNodeIcal(text) {
  const day = (date) =>
    [date.getFullYear(), date.getMonth() + 1, date.getDate()]
      .map((part) => String(part).padStart(2, "0"))
      .join("");
  const events = {};
  for (const one of Object.values(load("node-ical").sync.parseICS(text))) {
    if (one.type !== "VEVENT") continue;
    if (one.datetype !== "date") throw new Error("not all-day");
    events[one.uid] = [one.summary, one.description, day(one.start), day(one.end), one.status];
  }
  return events;
}

const read = { "ical.js": byIcalJs, "node-ical": byNodeIcal }[reader];
const found = {};
for (const path of paths) {
  try {
    found[path] = { events: read(readFileSync(path, "utf8")) };
  } catch (error) {
    found[path] = { problem: String(error) };
  }
}
console.log(JSON.stringify(found));
