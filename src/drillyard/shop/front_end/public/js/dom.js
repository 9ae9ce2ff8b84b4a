/**
 * Building the page: elements from data, always as text and never as markup, so that no name or message can inject anything.
 */

/** An element with attributes (`class`, `href`, `on: {click}`) and children (elements or texts; null is left out). */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (value === true) {
      element.setAttribute(name, "");
    } else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value);
    }
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

const PATHS = {
  sock: "M8 2h8v2.6H8z M8 6h8v6.1c0 1.1-.5 2.1-1.3 2.9l-4.8 4.3a4.6 4.6 0 0 1-6.2-6.8l2.8-2.5A4.6 4.6 0 0 0 8 6.6z",
  basket: "M3 9h18l-2 11H5L3 9zm4.5 0 3-6m6 6-3-6",
};

/** A decorative drawing, which screen readers skip. */
export function drawing(name, filled = true) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  path.setAttribute("fill", filled ? "currentColor" : "none");
  if (!filled) {
    path.setAttribute("stroke", "currentColor");
    path.setAttribute("stroke-width", "1.6");
    path.setAttribute("stroke-linejoin", "round");
  }
  svg.append(path);
  return svg;
}

/** A framed picture; where the file is missing, a drawn sock stands in and keeps the description. */
export function picture(url, description) {
  const frame = el("div", { class: "picture" });
  const standIn = () => {
    const missing = drawing("sock");
    missing.classList.add("missing");
    frame.replaceChildren(missing);
    if (description) {
      frame.setAttribute("role", "img");
      frame.setAttribute("aria-label", description);
    }
  };
  if (!url) {
    standIn();
  } else {
    frame.append(el("img", { src: url, alt: description, loading: "lazy", on: { error: standIn } }));
  }
  return frame;
}

/** A message: bad ones are spoken at once, others when the reader pauses. */
export function message(kind, title, ...lines) {
  const box = el(
    "div",
    { class: `message ${kind}`, role: kind === "bad" ? "alert" : "status", tabindex: "-1" },
    el("p", { class: "title" }, title),
    lines.filter(Boolean).map((line) => (line instanceof Node ? line : el("p", {}, line))),
  );
  return box;
}

/** A message that stands for the whole page, and so is its heading. */
export function lost(title, ...lines) {
  const box = message("bad", title, ...lines);
  box.querySelector(".title").replaceWith(el("h1", { class: "title" }, title));
  return box;
}

/** Shows messages at the top of the page, in place of earlier ones; none clears them. */
export function show(...messages) {
  const place = document.getElementById("messages");
  place.replaceChildren(...messages);
  if (messages.length > 0 && messages[0].classList.contains("bad")) {
    messages[0].focus({ preventScroll: true });
    place.scrollIntoView({ block: "start" });
  }
}
