/**
 * Listens for a CustomEvent and hands on its detail.
 *
 * @param {EventTarget} target
 * @param {string} type
 * @param {(detail: any) => void} handler
 * @param {AddEventListenerOptions} [options]
 */
export function onDetail(target, type, handler, options) {
  target.addEventListener(type, (event) => handler(/** @type {CustomEvent} */ (event).detail), options);
}
