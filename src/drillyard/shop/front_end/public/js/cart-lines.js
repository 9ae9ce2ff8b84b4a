/**
 * Reading a cart. It may hold a sock in several rows, because a log-in appends the session's cart to the customer's; and a
 * row without a sock or a price, where the catalogue did not answer while something was put in.
 */

/** The cart's rows as lines, one for each sock: `{itemId, unitPrice, quantity, rows}`. */
export function gathered(items) {
  const lines = new Map();
  for (const { itemId, unitPrice, quantity } of items) {
    const line = lines.get(itemId) ?? { itemId, unitPrice, quantity: 0, rows: 0 };
    line.quantity += quantity;
    line.rows += 1;
    lines.set(itemId, line);
  }
  return [...lines.values()];
}

/** What to call a line whose sock may be unknown. */
export function nameOf({ itemId }, sock) {
  return sock?.name ?? (itemId ? `Sock ${itemId}` : "Something the catalogue did not name");
}
