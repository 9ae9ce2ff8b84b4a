/** Logging in. */

import { afterLogIn } from "./account.js";
import * as api from "./api.js";
import { message, show } from "./dom.js";
import { frame } from "./shell.js";

frame();
document.getElementById("register-link").href = `/register.html${window.location.search}`;

const form = document.getElementById("login");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const fields = new FormData(form);
  try {
    await api.logIn(fields.get("username"), fields.get("password"));
    window.location.assign(afterLogIn());
  } catch (problem) {
    show(
      problem.status === 401
        ? message("bad", "You are not logged in.", "Check the user name and the password, then try again.")
        : message("bad", "The log-in does not answer.", "Please try again in a moment."),
    );
  }
});

// Shown only now: a form sent before this script listens would go out by the browser itself.
form.hidden = false;
form.elements.username.focus();
