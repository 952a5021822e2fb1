/**
 * A function that runs a task by name. While a task of that name runs, it answers with that one's promise.
 *
 * @returns {<Result>(name: string, task: () => Promise<Result>) => Promise<Result>}
 */
export function deduped() {
  /** @type {Map<string, Promise<any>>} */
  const running = new Map();
  return (name, task) => {
    const started = running.get(name) ?? task().finally(() => running.delete(name));
    running.set(name, started);
    return started;
  };
}
