/**
 * The shop's own HTTP interface. Every call has a limit, and ends in an answer or in a ShopError that says what happened.
 */

const LIMIT_MS = 75_000;

/** A call that failed. `status` is 0 when no answer came; `body` is the parsed answer, if there was one. */
export class ShopError extends Error {
  constructor(status, body) {
    super(body?.message ?? body?.error ?? `HTTP ${status}`);
    this.status = status;
    this.body = body;
  }
}

/** Calls the front-end. Returns the parsed body (null when empty); throws ShopError for a status of 400 and more. */
export async function call(method, path, { json, headers = {} } = {}) {
  const init = { method, headers: { ...headers }, signal: AbortSignal.timeout(LIMIT_MS), cache: "no-store" };
  if (json !== undefined) {
    init.headers["Content-Type"] = "application/json";
    init.body = JSON.stringify(json);
  }
  let response;
  let text;
  try {
    response = await fetch(path, init);
    text = await response.text();
  } catch {
    throw new ShopError(0, null);
  }
  const body = parsed(text);
  if (!response.ok) throw new ShopError(response.status, body);
  return body;
}

/** Like call, for answers that report a failure in a body with status 200, as the catalogue's and the user's do. */
export async function ask(method, path, options) {
  const body = await call(method, path, options);
  if (body !== null && typeof body === "object" && body.status_code >= 400) throw new ShopError(body.status_code, body);
  return body;
}

export const socks = (query = "") => ask("GET", `/catalogue${query}`).then((list) => list ?? []);
export const sock = (id) => ask("GET", `/catalogue/${encodeURIComponent(id)}`);
export const size = (query = "") => ask("GET", `/catalogue/size${query}`).then((answer) => answer.size);
export const tags = () => ask("GET", "/tags").then((answer) => answer.tags);

export const cart = () => call("GET", "/cart").then((items) => (Array.isArray(items) ? items : []));
export const addToCart = (id) => call("POST", "/cart", { json: { id } });
export const setQuantity = (id, quantity) => call("POST", "/cart/update", { json: { id, quantity } });
export const removeFromCart = (id) => call("DELETE", `/cart/${encodeURIComponent(id)}`);
export const emptyCart = () => call("DELETE", "/cart");

export const placeOrder = () => call("POST", "/orders");
export const orders = () => call("GET", "/orders");
export const order = (path) => call("GET", path);

export const register = (person) => call("POST", "/register", { json: person });
export const addAddress = (address) => ask("POST", "/addresses", { json: address });
export const addCard = (card) => ask("POST", "/cards", { json: card });
export const deleteAddress = (id) => call("DELETE", `/addresses/${encodeURIComponent(id)}`);

/** Logs in; any text works as name and password, also beyond Latin-1. */
export function logIn(name, password) {
  const bytes = new TextEncoder().encode(`${name}:${password}`);
  return call("GET", "/login", { headers: { Authorization: `Basic ${btoa(String.fromCharCode(...bytes))}` } });
}

/** The customer's first address, or null. */
export const address = () => firstOf("/address");

/** The last four digits of the customer's first card, or null. */
export const card = () => firstOf("/card").then((answer) => answer?.number ?? null);

async function firstOf(path) {
  const answer = await call("GET", path);
  return answer?.status_code === 500 ? null : answer;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text || null;
  }
}
