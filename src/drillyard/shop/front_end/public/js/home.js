/** The home page: a few socks and the way to all of them. */

import * as api from "./api.js";
import { message, picture, show } from "./dom.js";
import { frame } from "./shell.js";
import { fill } from "./sock-list.js";

frame();

try {
  const socks = await api.socks("?size=5");
  const chosen = socks[1] ?? socks[0];
  if (chosen) document.getElementById("hero-picture").replaceWith(picture(chosen.imageUrl?.[0], `${chosen.name} socks`));
  fill(
    document.getElementById("socks"),
    socks.filter((sock) => sock !== chosen),
  );
} catch {
  document.getElementById("favourites").hidden = true;
  show(message("bad", "The catalogue does not answer.", "Please try again in a moment."));
}
