/** Menus: popovers beside the element that opens them. */

import { el } from "../dom.js";

/** @import { Child } from "../dom.js" */

const MARGIN_PX = 8;

/**
 * Shows a menu beside an element. Escape and a click outside close it; the arrow keys move in it.
 *
 * @param {Element} anchor
 * @param {Record<string, any>} properties of the menu: its role and label
 * @param {...(Child | Child[])} children
 */
export function showMenu(anchor, properties, ...children) {
  const menu = el("div", { popover: "auto", className: "menu", onkeydown: moveFocus, ...properties }, ...children);
  menu.addEventListener("toggle", (event) => event.newState === "closed" && menu.remove());
  document.querySelector("main")?.append(menu);
  menu.showPopover();
  place(menu, anchor);
  menu.querySelector("button")?.focus();
  return menu;
}

/**
 * Puts a menu below its element, or above it if there is no room.
 *
 * @param {HTMLElement} menu
 * @param {Element} anchor
 */
function place(menu, anchor) {
  const { top, bottom, left, right } = anchor.getBoundingClientRect();
  const { width, height } = menu.getBoundingClientRect();
  const below = bottom + MARGIN_PX;
  const isAtRight = (left + right) / 2 > innerWidth / 2;
  const x = isAtRight ? right - width : left;
  const y = below + height < innerHeight ? below : top - height - MARGIN_PX;
  menu.style.left = `${Math.max(MARGIN_PX, Math.min(x, innerWidth - width - MARGIN_PX))}px`;
  menu.style.top = `${Math.max(MARGIN_PX, Math.min(y, innerHeight - height - MARGIN_PX))}px`;
}

/** @param {KeyboardEvent} event */
function moveFocus(event) {
  const menu = /** @type {HTMLElement} */ (event.currentTarget);
  const stops = /** @type {HTMLElement[]} */ ([...menu.querySelectorAll("button, input")]);
  const index = stops.indexOf(/** @type {HTMLElement} */ (event.target));
  const moves = {
    ArrowDown: index + 1,
    ArrowRight: index + 1,
    ArrowUp: index - 1,
    ArrowLeft: index - 1,
    Home: 0,
    End: -1,
  };
  const next = moves[/** @type {keyof typeof moves} */ (event.key)];
  const isOfText = event.target instanceof HTMLInputElement && !["ArrowDown", "ArrowUp"].includes(event.key);
  if (next === undefined || isOfText) return;
  event.preventDefault();
  stops.at(next % stops.length)?.focus();
}
