// How values are written. Times are UTC seconds since 1970; a share is [part, whole].

const DATA = JSON.parse(document.getElementById("data").textContent);
const GROUPED = new Intl.NumberFormat("en-US", { maximumFractionDigits: 1 });
const TENTHS = new Intl.NumberFormat("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const count = (value) => (value === null ? "unknown" : GROUPED.format(value));

/** Percent that never rounds to all or nothing: 1,999 of 2,000 is 99.9 %, not 100 %. */
function percent(part, whole) {
  if (!whole) return "no data";
  if (part === 0 || part === whole) return part === 0 ? "0 %" : "100 %";
  const shown = Math.round((1000 * part) / whole) / 10;
  if (shown >= 100) return "99.9 %";
  return shown <= 0 ? "< 0.1 %" : `${TENTHS.format(shown)} %`;
}

function time(seconds) {
  if (seconds === null) return "unknown";
  const text = new Date(seconds * 1000).toISOString();
  return `${text.slice(0, 10)} ${text.slice(11, 16)}`;
}

function duration(seconds) {
  if (seconds === null) return "unknown";
  if (seconds < 90) return `${GROUPED.format(Math.round(seconds))} s`;
  if (seconds < 5400) return `${GROUPED.format(Math.round(seconds / 60))} min`;
  if (seconds < 172800) return `${TENTHS.format(seconds / 3600)} h`;
  return `${TENTHS.format(seconds / 86400)} days`;
}

/** Short form of a day (2026-10-05 → 5 Oct); weeks and other labels stay as they are. */
function shortDay(label) {
  const parts = /^\d{4}-(\d{2})-(\d{2})$/.exec(label);
  return parts ? `${Number(parts[2])} ${MONTHS[Number(parts[1]) - 1]}` : label;
}

const plural = (number, one, many) => `${count(number)} ${number === 1 ? one : many}`;
