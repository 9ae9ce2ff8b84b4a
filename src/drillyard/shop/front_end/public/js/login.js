/** Logging in. */

import { afterLogIn } from "./account.js";
import * as api from "./api.js";
import { message, show } from "./dom.js";
import { onSubmit } from "./form.js";
import { frame } from "./shell.js";

frame();
document.getElementById("register-link").href = `/register.html${window.location.search}`;

const form = document.getElementById("login");

onSubmit(form, async ({ username, password }) => {
  try {
    await api.logIn(username, password);
  } catch (problem) {
    show(
      problem.status === 401
        ? message("bad", "You are not logged in.", "Check the user name and the password. If they are right, the shop cannot check them just now.")
        : message("bad", "The log-in does not answer.", "Please try again in a moment."),
    );
    return false;
  }
  window.location.assign(afterLogIn());
  return true;
});
form.elements.username.focus();
