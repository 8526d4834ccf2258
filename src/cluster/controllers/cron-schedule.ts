/** A five-field schedule (minute, hour, day of month, month, day of week), as `crontab(5)` has it. */
export interface CronSchedule {
  /** The first matching time after `after` (ms since the epoch); undefined when there is none within five years. */
  next(after: number): number | undefined;
}

const macros: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};
const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const minute = 60_000;
const horizonDays = 5 * 366;

/** Throws an Error that names the bad field. `timeZone`: an IANA name; without it, UTC. */
export function parseCron(text: string, timeZone = "UTC"): CronSchedule {
  const fields = (macros[text.trim().toLowerCase()] ?? text).trim().split(/\s+/);
  if (fields.length !== 5) throw new Error(`schedule ${JSON.stringify(text)}: want 5 fields, got ${fields.length}`);
  const [minuteText = "", hourText = "", dayText = "", monthText = "", weekdayText = ""] = fields;
  const minutes = parseField(minuteText, 0, 59);
  const hours = parseField(hourText, 0, 23);
  const daysOfMonth = parseField(dayText, 1, 31);
  const inMonths = parseField(monthText, 1, 12, months);
  const weekdays = new Set([...parseField(weekdayText, 0, 7, days)].map((day) => day % 7));
  // With both given, either is enough; with a star, the other one decides.
  const eitherDay = !dayText.startsWith("*") && !weekdayText.startsWith("*");
  const clock = zoneClock(timeZone);

  const dayMatches = ({ month, day, weekday }: LocalTime): boolean =>
    inMonths.has(month) &&
    (eitherDay ? daysOfMonth.has(day) || weekdays.has(weekday) : daysOfMonth.has(day) && weekdays.has(weekday));

  return {
    next(after) {
      let time = Math.floor(after / minute) * minute + minute;
      const end = time + horizonDays * 24 * 60 * minute;
      while (time < end) {
        const local = clock(time);
        if (!dayMatches(local)) {
          // To the next local midnight, or near it: an hour more or less by daylight saving does no harm before it.
          const left = 24 * 60 - (local.hour * 60 + local.minute);
          time += (left > 120 ? left - 61 : 1) * minute;
        } else if (!hours.has(local.hour)) time += (60 - local.minute) * minute;
        else if (!minutes.has(local.minute)) time += minute;
        else return time;
      }
      return undefined;
    },
  };
}

interface LocalTime {
  readonly month: number;
  readonly day: number;
  readonly weekday: number;
  readonly hour: number;
  readonly minute: number;
}

function zoneClock(timeZone: string): (time: number) => LocalTime {
  if (timeZone === "UTC")
    return (time) => {
      const date = new Date(time);
      return {
        month: date.getUTCMonth() + 1,
        day: date.getUTCDate(),
        weekday: date.getUTCDay(),
        hour: date.getUTCHours(),
        minute: date.getUTCMinutes(),
      };
    };
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    month: "numeric",
    day: "numeric",
    weekday: "short",
    hour: "numeric",
    minute: "numeric",
  });
  return (time) => {
    const parts = Object.fromEntries(format.formatToParts(time).map(({ type, value }) => [type, value]));
    return {
      month: Number(parts["month"]),
      day: Number(parts["day"]),
      weekday: days.indexOf((parts["weekday"] ?? "").toLowerCase()),
      hour: Number(parts["hour"]),
      minute: Number(parts["minute"]),
    };
  };
}

function parseField(text: string, low: number, high: number, names: readonly string[] = []): ReadonlySet<number> {
  const values = new Set<number>();
  const bad = (): Error =>
    new Error(`schedule field ${JSON.stringify(text)}: want ${low}-${high}, ranges, lists or /steps`);
  const number = (word: string): number => {
    const index = names.indexOf(word.toLowerCase());
    const value = index >= 0 ? index + low : /^\d+$/.test(word) ? Number(word) : Number.NaN;
    if (Number.isNaN(value) || value < low || value > high) throw bad();
    return value;
  };
  for (const part of text.split(",")) {
    const [range = "", step] = part.split("/");
    const [from, to] = range === "*" || range === "?" ? [low, high] : range.split("-").map(number);
    if (from === undefined) throw bad();
    const last = to ?? (step === undefined ? from : high);
    const by = step === undefined ? 1 : Number(step);
    if (!Number.isInteger(by) || by < 1 || last < from) throw bad();
    for (let value = from; value <= last; value += by) values.add(value);
  }
  return values;
}
