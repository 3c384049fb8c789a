/** Asked between steps of a long computation: undefined to go on, or a promise to wait for. Throws when it must end. */
export type Pace = { pause(): Promise<void> | undefined };
