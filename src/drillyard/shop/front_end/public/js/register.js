/** Registering, which logs in at once. */

import { afterLogIn } from "./account.js";
import * as api from "./api.js";
import { message, show } from "./dom.js";
import { frame } from "./shell.js";

frame();
document.getElementById("login-link").href = `/login.html${window.location.search}`;

const form = document.getElementById("register");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const person = Object.fromEntries(new FormData(form));
  try {
    await api.register(person);
    window.location.assign(afterLogIn());
  } catch (problem) {
    show(
      problem.status === 409
        ? message("bad", "That user name is taken.", "Please choose another one.")
        : message("bad", "You could not be registered.", "Please try again in a moment."),
    );
  }
});

// Shown only now: a form sent before this script listens would go out by the browser itself.
form.hidden = false;
form.elements.username.focus();
