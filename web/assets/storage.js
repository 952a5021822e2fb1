/** The browser's storage. */

import { BrowserStorage } from "./cruddur-messages/browser.js";

/** Shared by all tabs, and kept when they are closed. */
export const browserStorage = new BrowserStorage("localStorage");
/** Of this tab. */
export const tabStorage = new BrowserStorage("sessionStorage");
