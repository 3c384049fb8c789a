/** Asked between steps of a long computation. */
export type Pace = {
  /** Undefined to go on, or a promise to wait for. Throws when it must end. */
  pause(): Promise<void> | undefined;
  /** What the work gives, or a rejection when the time is over before; the work itself goes on. */
  within<T>(work: Promise<T>): Promise<T>;
};
