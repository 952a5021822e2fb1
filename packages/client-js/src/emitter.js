/**
 * Calls listeners by the type of an event.
 *
 * @template {Record<string, any>} Details by the type of the event
 */
export class Emitter {
  /** How many events there were: another number means that something has changed. */
  fired = 0;

  /** @type {Map<keyof Details, Set<(detail: any) => void>>} */
  #listeners = new Map();

  /**
   * Listens. Returns a function that ends it.
   *
   * @template {keyof Details} Type
   * @param {Type} type
   * @param {(detail: Details[Type]) => void} listener
   */
  on(type, listener) {
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners.add(listener));
    return () => {
      listeners.delete(listener);
    };
  }

  /**
   * @template {keyof Details} Type
   * @param {Type} type
   * @param {Details[Type]} detail
   */
  emit(type, detail) {
    this.fired++;
    for (const listener of [...(this.#listeners.get(type) ?? [])]) {
      try {
        listener(detail);
      } catch (error) {
        // It is reported as uncaught, and keeps nobody else from the event.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
