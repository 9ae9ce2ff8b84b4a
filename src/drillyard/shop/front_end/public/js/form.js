/**
 * Forms that the page's script sends.
 */

/**
 * Calls the action with the fields when the form is sent; what is sent again while that is under way is not. An action that
 * returns true has left the page, and the form stays busy.
 */
export function onSubmit(form, action) {
  const button = form.querySelector("button[type=submit]");
  let busy = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    button.setAttribute("aria-disabled", "true");
    if (await action(Object.fromEntries(new FormData(form)))) return;
    busy = false;
    button.removeAttribute("aria-disabled");
  });
  // Shown only now: a form sent before this script listens would go out by the browser itself.
  form.hidden = false;
}
