/**
 * Amounts as people read them. The wire carries 32-bit floats (104.979996); a page shows cents.
 */

const DOLLARS = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });

/** What delivery costs, whatever is in the basket. */
export const SHIPPING = 4.99;

/** `$104.98`. */
export function dollars(amount) {
  return DOLLARS.format(Number(amount));
}

/** The sum of a basket's rows, without delivery. */
export function subtotal(items) {
  return items.reduce((sum, item) => sum + item.quantity * item.unitPrice, 0);
}
