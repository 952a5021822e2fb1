/** Parts of the page that are loaded when they are needed: modules, with their texts and style sheets. */

import { el } from "./dom.js";
import { loadMoreTexts } from "./texts.js";

/** @type {Map<string, Promise<unknown>>} By name. */
const styles = new Map();

/**
 * Loads a module with all that it needs. Throws if that fails.
 *
 * @template Module
 * @param {Promise<Module>} module
 * @param {string} style the name of its file in styles/
 * @returns {Promise<Module>}
 */
export async function loadPart(module, style) {
  const [loaded] = await Promise.all([module, loadMoreTexts(), loadStyle("forms"), loadStyle(style)]);
  return loaded;
}

/** @param {string} name */
function loadStyle(name) {
  const href = new URL(`./styles/${name}.css`, import.meta.url).href;
  const loading =
    styles.get(name) ??
    new Promise((onload, onerror) => {
      document.head.append(el("link", { rel: "stylesheet", href, onload, onerror }));
    });
  styles.set(name, loading);
  loading.catch(() => styles.delete(name));
  return loading;
}
