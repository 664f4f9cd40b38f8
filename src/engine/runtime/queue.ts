// Knows: a job queue. onnxruntime-web allows one run at a time in a realm, in any session.

/** Runs jobs one after another, in the order of the calls; a failed job does not stop the queue. */
export class Queue {
  #last: Promise<unknown> = Promise.resolve()

  run<T>(job: () => Promise<T>): Promise<T> {
    const next = this.#last.then(job, job)
    this.#last = next.catch(() => undefined)
    return next
  }
}
