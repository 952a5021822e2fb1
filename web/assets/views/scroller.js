/** A scrolling pane that holds its place while its content changes. */

import { el } from "../dom.js";
import { t } from "../texts.js";

const NEAR_END_PX = 80; // this close to the end counts as the end
const PROBE_START_PX = 8;
const PROBE_STEP_PX = 24;

export class Scroller {
  /** Whether the end of the content is on the screen. */
  isAtEnd = true;

  #content;
  #onscroll;
  #isStarted = false;
  /** @type {{ article: Element, place: number } | null} The article at the top of the screen. */
  #anchor = null;

  /**
   * @param {HTMLElement} content has articles in it
   * @param {() => void} onscroll
   */
  constructor(content, onscroll) {
    this.#content = content;
    this.#onscroll = onscroll;
    this.element = el(
      "div",
      { className: "scroller", role: "log", "aria-live": "off", tabIndex: 0, "aria-label": t("messages") },
      content,
    );
    this.element.addEventListener("scroll", () => this.scrolled(), { passive: true });
    this.resizes = new ResizeObserver(() => this.hold());
    this.resizes.observe(this.element);
    this.resizes.observe(content);
  }

  /** Begins to hold the place, once the content has been shown. */
  start() {
    this.#isStarted = true;
  }

  close() {
    this.#isStarted = false;
    this.resizes.disconnect();
  }

  /** Whether the beginning of the content is less than two screens away. */
  get isNearTop() {
    return this.element.scrollTop < this.element.clientHeight * 2;
  }

  /** @param {ScrollBehavior} behavior */
  toEnd(behavior = "instant") {
    const isReduced = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.#scrollTo(this.element.scrollHeight, isReduced ? "instant" : behavior);
  }

  /**
   * Puts an element a fifth below the top of the screen. The new place is noted at once: the browser tells of it only
   * later, and a change before would restore the old one.
   *
   * @param {Element} element
   */
  toElement(element) {
    this.#scrollTo(this.#place(element) - this.element.clientHeight / 5);
    this.scrolled();
  }

  /** Notes the new place. */
  scrolled() {
    if (!this.#isStarted) return;
    const { scrollHeight, scrollTop, clientHeight } = this.element;
    this.isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
    this.#anchor = this.isAtEnd ? null : this.#topmost();
    this.#onscroll();
  }

  /** Restores the place after a change of size: the end, or the article that is being read. */
  hold() {
    if (!this.#isStarted) return;
    if (this.isAtEnd) this.toEnd();
    else if (this.#anchor?.article.isConnected) {
      const place = this.#place(this.#anchor.article);
      const shift = place - this.#anchor.place;
      if (Math.abs(shift) < 1) return;
      this.#anchor.place = place;
      this.#scrollTo(this.element.scrollTop + shift);
    }
  }

  /**
   * @param {number} top
   * @param {ScrollBehavior} behavior
   */
  #scrollTo(top, behavior = "instant") {
    this.element.scrollTo({ top, behavior });
  }

  /**
   * An element's distance from the top of the content.
   *
   * @param {Element} element
   */
  #place(element) {
    const offset = element.getBoundingClientRect().top - this.element.getBoundingClientRect().top;
    return offset + this.element.scrollTop;
  }

  #topmost() {
    const { left, top, width, height } = this.element.getBoundingClientRect();
    for (let down = PROBE_START_PX; down < height; down += PROBE_STEP_PX) {
      for (const part of [0.25, 0.75]) {
        const article = document.elementFromPoint(left + width * part, top + down)?.closest("article");
        if (article && this.#content.contains(article)) return { article, place: this.#place(article) };
      }
    }
    return null;
  }
}
