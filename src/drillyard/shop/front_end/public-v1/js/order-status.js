/**
 * The states of an order in the pages of v1: there is one, because orders had no status when these pages were written.
 */

export function describe() {
  return { name: "Shipped", kind: "good", means: "Your socks are on their way." };
}

export function isFinal() {
  return true;
}

export function steps() {
  return [{ status: "SHIPPED", reached: true, now: true }];
}
