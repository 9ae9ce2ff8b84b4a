/**
 * Reading an order as the wire carries it.
 */

const MOMENT = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
const TIME = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

/** The order's number: its `id`, or the end of its link where the answer has no ids. */
export function orderId(order) {
  return order.id ?? order._links?.self?.href?.split("/").pop() ?? "";
}

/** `28 Oct 2025, 10:04` in the reader's own time zone. */
export function moment(date) {
  const parsed = parse(date);
  return parsed ? MOMENT.format(parsed) : "";
}

/** `10:04:42`. */
export function time(date) {
  const parsed = parse(date);
  return parsed ? TIME.format(parsed) : "";
}

/** When the order reached each of its states, as the wire writes times; only the first where it has no history. */
export function times(order) {
  const history = Array.isArray(order.statusHistory) ? order.statusHistory : [];
  return Object.fromEntries([["CREATED", order.date], ...history.map(({ status, at }) => [status, at])]);
}

/** The wire writes +0000, which not every browser reads. */
function parse(date) {
  const parsed = new Date(String(date ?? "").replace(/([+-]\d\d)(\d\d)$/, "$1:$2"));
  return Number.isNaN(parsed.getTime()) ? null : parsed;
}
