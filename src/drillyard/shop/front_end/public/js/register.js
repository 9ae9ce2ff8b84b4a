/** Registering, which logs in at once. */

import { afterLogIn } from "./account.js";
import * as api from "./api.js";
import { message, show } from "./dom.js";
import { frame } from "./shell.js";

frame();
document.getElementById("login-link").href = `/login.html${window.location.search}`;

document.getElementById("register").addEventListener("submit", async (event) => {
  event.preventDefault();
  const person = Object.fromEntries(new FormData(event.currentTarget));
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
