// Knows: a waiting line. onnxruntime-web allows one run at a time in a realm, whatever the session.

/** Runs the jobs given to it one after another, in the order in which they came; a failed job does not stop the line. */
export class Line {
  #last: Promise<unknown> = Promise.resolve()

  run<T>(job: () => Promise<T>): Promise<T> {
    const next = this.#last.then(job, job)
    this.#last = next.catch(() => undefined)
    return next
  }
}
