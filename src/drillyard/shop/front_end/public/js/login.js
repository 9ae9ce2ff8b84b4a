/** Logging in. */

import { afterLogIn } from "./account.js";
import * as api from "./api.js";
import { message, show } from "./dom.js";
import { frame } from "./shell.js";

frame();
document.getElementById("register-link").href = `/register.html${window.location.search}`;

document.getElementById("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = new FormData(event.currentTarget);
  try {
    await api.logIn(form.get("username"), form.get("password"));
    window.location.assign(afterLogIn());
  } catch (problem) {
    show(
      problem.status === 401
        ? message("bad", "You are not logged in.", "Check the user name and the password, then try again.")
        : message("bad", "The log-in does not answer.", "Please try again in a moment."),
    );
  }
});
