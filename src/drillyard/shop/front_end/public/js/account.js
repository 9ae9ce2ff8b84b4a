/**
 * Who is logged in. The front-end says so by a cookie that scripts may read; deleting it logs out.
 */

import { call } from "./api.js";

const COOKIE = "logged_in";

export function isLoggedIn() {
  return document.cookie.split("; ").some((pair) => pair.startsWith(`${COOKIE}=`) && pair.length > COOKIE.length + 1);
}

export function logOut() {
  document.cookie = `${COOKIE}=; Path=/; Max-Age=0`;
}

/** The customer's name; "" while it cannot be had; null (and logged out) when the shop has forgotten the session. */
export async function customerName() {
  if (!isLoggedIn()) return null;
  try {
    const customer = await call("GET", "/customers/me");
    if (customer?.error === "Invalid Id Hex" || customer?.error === "not found") {
      logOut();
      return null;
    }
    return [customer?.firstName, customer?.lastName].filter(Boolean).join(" ") || customer?.username || "";
  } catch {
    return "";
  }
}

/** Leads to the log-in page and back here afterwards. */
export function goAndLogIn() {
  const here = window.location.pathname + window.location.search;
  window.location.assign(`/login.html?next=${encodeURIComponent(here)}`);
}

/** Where to go after the log-in: a page of this shop, never another site. */
export function afterLogIn() {
  const next = new URLSearchParams(window.location.search).get("next") ?? "/";
  const origin = window.location.origin;
  const target = URL.canParse(next, origin) ? new URL(next, origin) : null;
  return target?.origin === origin ? target.pathname + target.search : "/";
}
