/** The inside of a dedicated worker, which TypeScript's library for pages does not describe. */

export interface WorkerScope<In, Out> {
  postMessage(message: Out, transfer: Transferable[]): void;
  addEventListener(type: 'message', heard: (event: MessageEvent<In>) => void): void;
  close(): void;
}

/** Call it in a worker only. */
export function workerScope<In, Out>(): WorkerScope<In, Out> {
  return self as unknown as WorkerScope<In, Out>;
}
