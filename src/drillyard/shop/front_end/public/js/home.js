/** The home page: a few socks and the way to all of them. */

import * as api from "./api.js";
import { message, picture, show } from "./dom.js";
import { frame } from "./shell.js";
import { fill } from "./sock-list.js";

frame();

try {
  const socks = await api.socks("?size=5");
  const [first, ...others] = socks;
  if (first) document.getElementById("hero-picture").replaceWith(picture(first.imageUrl?.[0], `${first.name} socks`));
  fill(document.getElementById("socks"), others);
} catch {
  document.getElementById("favourites").hidden = true;
  show(message("bad", "The catalogue does not answer.", "Please try again in a moment."));
}
