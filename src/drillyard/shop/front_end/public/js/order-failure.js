/**
 * What to tell a customer whose order failed, in words that are true.
 *
 * The shop cannot see the bank's ledger: after a payment that got no answer nobody here knows whether money moved, so no text
 * claims it, either way. Only a refusal that was decided before or instead of a charge says that the order was declined.
 */

const CHECK_FIRST =
  "We cannot see from here whether your bank moved any money. Before you order again, look at your orders and at your statement.";

/** `{title, lines}` for an answer to POST /orders: its status (0 for none) and the message in its body. */
export function explain(status, text = "") {
  if (text === "User not logged in.") {
    return { title: "You are not logged in.", lines: ["Please log in and place the order again."] };
  }
  if (status === 406) return declined(text);
  const unavailable = /^Payment service unavailable for order (\S+)/.exec(text);
  if (unavailable) {
    return {
      title: "Unable to process payment",
      lines: [
        "Payment service unavailable",
        "Please try again later",
        `Your order has the number ${unavailable[1]}. ${CHECK_FIRST}`,
      ],
    };
  }
  if (status === 0) {
    return {
      title: "The shop did not answer.",
      lines: ["Your order may have been placed or not. Look at your orders before you try again."],
    };
  }
  if (text.includes("timeout")) {
    return {
      title: "Your order was not confirmed in time.",
      lines: ["One of our services did not answer.", CHECK_FIRST],
    };
  }
  return { title: "Your order could not be completed.", lines: ["Please try again later", CHECK_FIRST] };
}

function declined(text) {
  const limit = /amount exceeds ([\d.]+)/.exec(text);
  if (limit) {
    return {
      title: "Your payment was declined.",
      lines: [`The total is above the limit of $${limit[1]}. Take something out of your cart and order again.`],
    };
  }
  if (text.startsWith("Invalid order request")) {
    return {
      title: "Your order is not complete.",
      lines: ["It needs an address, a card and something in the cart. Go back one step and check them."],
    };
  }
  if (text === "Payment declined by gateway") {
    return {
      title: "Your payment was declined.",
      lines: ["Your bank did not accept the card. Ask your bank, or order again later."],
    };
  }
  return {
    title: "Unable to process payment",
    lines: ["The payment provider did not confirm it.", "Please try again later", CHECK_FIRST],
  };
}
