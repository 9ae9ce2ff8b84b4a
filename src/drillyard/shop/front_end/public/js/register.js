/** Registering, which logs in at once. */

import { afterLogIn } from "./account.js";
import * as api from "./api.js";
import { message, show } from "./dom.js";
import { onSubmit } from "./form.js";
import { frame } from "./shell.js";

frame();
document.getElementById("login-link").href = `/login.html${window.location.search}`;

const form = document.getElementById("register");

onSubmit(form, async (person) => {
  try {
    await api.register(person);
  } catch (problem) {
    show(
      problem.status === 409
        ? message("bad", "That user name is taken.", "Please choose another one.")
        : message("bad", "You could not be registered.", "Please try again in a moment. If the name is taken then, it is yours: log in with it."),
    );
    return false;
  }
  window.location.assign(afterLogIn());
  return true;
});
form.elements.username.focus();
