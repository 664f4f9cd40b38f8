// Knows: whether the runtime's GPU device is lost, and how pending work fails when it is.
// Must not know: sessions, models.
import { EngineError, engineErrorOf } from '../errors.ts'
import type { OrtModule } from './load-ort.ts'

/** Work fails slightly before the browser reports a lost device: how long to wait for that report. */
const LOSS_REPORT_MS = 1000

/**
 * Watches the devices of one build of the runtime, which destroys its device with its last session and requests
 * another with the next.
 */
export class CardWatch {
  readonly #pending = new Set<(error: EngineError) => void>()
  #lost = false
  #watched: unknown

  /** Watches the device of the session that was just opened. */
  async observe(ort: OrtModule): Promise<void> {
    const device: unknown = await ort.env.webgpu.device
    if (
      device === this.#watched ||
      typeof device !== 'object' ||
      device === null ||
      !('lost' in device) ||
      !(device.lost instanceof Promise)
    )
      return
    this.#watched = device
    void device.lost.then((info: unknown) => {
      if (reasonOf(info) === 'destroyed') return // by the runtime itself
      this.#lost = true
      for (const fail of this.#pending) fail(lossWhile('computing'))
    })
  }

  /**
   * The work's result. Throws EngineError: `device-lost` if the device is lost meanwhile, even if the work
   * would hang; else the error of the work.
   */
  async guard<T>(work: () => Promise<T>, doing: string): Promise<T> {
    let fail: (error: EngineError) => void = () => undefined
    const loss = new Promise<never>((_, reject) => (fail = reject))
    this.#pending.add(fail)
    try {
      return await Promise.race([work(), loss])
    } catch (thrown) {
      if (this.#watched !== undefined && !this.#lost)
        await Promise.race([loss, new Promise((resolve) => setTimeout(resolve, LOSS_REPORT_MS))]).catch(
          () => undefined,
        )
      throw this.#lost ? lossWhile(doing, thrown) : engineErrorOf(thrown, doing)
    } finally {
      this.#pending.delete(fail)
      loss.catch(() => undefined)
    }
  }
}

const reasonOf = (info: unknown): unknown =>
  typeof info === 'object' && info !== null && 'reason' in info ? info.reason : undefined

const lossWhile = (doing: string, cause?: unknown): EngineError =>
  new EngineError(
    'device-lost',
    `The graphics card was lost while ${doing}. Load the model again; if it happens again, choose the processor.`,
    { cause },
  )
