/**
 * The states of an order, as the database holds them: their names, what they mean for the customer, and the way between them.
 */

const STATES = {
  CREATED: { name: "Created", kind: "wait", means: "We have written your order down." },
  PENDING: { name: "Pending", kind: "wait", means: "We are waiting for the payment." },
  PAYMENT_PENDING: { name: "Payment pending", kind: "wait", means: "The payment is not confirmed yet. We keep trying." },
  PAID: { name: "Paid", kind: "good", means: "The payment is confirmed. Your socks are waiting to be sent." },
  SHIPPED: { name: "Shipped", kind: "good", means: "Your socks are on their way." },
  DELIVERED: { name: "Delivered", kind: "good", means: "Your socks have arrived." },
  PAYMENT_FAILED: {
    name: "Payment failed",
    kind: "bad",
    means:
      "The payment was not confirmed, so nothing is being sent. We cannot see from here whether your bank moved any money: if your statement shows this amount, tell us the order's number.",
  },
  REFUNDED: { name: "Refunded", kind: "wait", means: "The payment was given back." },
  CANCELLED: { name: "Cancelled", kind: "bad", means: "This order was cancelled; nothing will be sent." },
};

const FINAL = new Set(["SHIPPED", "DELIVERED", "REFUNDED", "CANCELLED"]);

/** Name, kind (wait, good, bad) and meaning of a state; an unknown or absent one is shown as what it is. */
export function describe(status) {
  return STATES[status] ?? { name: status || "Unknown", kind: "wait", means: "The shop has not said more about this order." };
}

/** True when nothing more will happen to the order by itself. A failed payment may still be put right. */
export function isFinal(status) {
  return FINAL.has(status);
}

/** The steps of the timeline: `{status, reached, now}`, up to the present state and, where it is certain, beyond. */
export function steps(status) {
  const usual = ["CREATED", "PENDING", "PAID", "SHIPPED"];
  const way =
    {
      PAYMENT_PENDING: ["CREATED", "PENDING", "PAYMENT_PENDING", "PAID", "SHIPPED"],
      PAYMENT_FAILED: ["CREATED", "PENDING", "PAYMENT_FAILED"],
      REFUNDED: ["CREATED", "PENDING", "REFUNDED"],
      CANCELLED: ["CREATED", "CANCELLED"],
      DELIVERED: [...usual, "DELIVERED"],
    }[status] ?? usual;
  const at = way.indexOf(status);
  return way.map((step, index) => ({ status: step, reached: index <= at, now: index === at }));
}
