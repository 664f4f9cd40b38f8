// Knows: whether the graphics card that the runtime works on is still there, and how work that waits for it ends when it is not.
// Must not know: sessions, models.
import { EngineError, engineErrorOf } from '../errors.ts'
import type { OrtModule } from './load-ort.ts'

/** Work breaks a little before the browser says that the card is lost: so long is waited for that word. */
const WORD_OF_LOSS_MS = 1000

/** Watches the devices of one build of the runtime, which lets its device go with its last session and asks for another with the next. */
export class CardWatch {
  readonly #waiting = new Set<(error: EngineError) => void>()
  #lost = false
  #watched: unknown

  /** Watches the device that the runtime has now that a session is open. */
  async look(ort: OrtModule): Promise<void> {
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
      for (const end of this.#waiting) end(lossWhile('computing'))
    })
  }

  /** The work's answer. Throws EngineError: `device-lost` where the card is lost meanwhile, also when the work would wait for ever, else what broke. */
  async guard<T>(work: () => Promise<T>, doing: string): Promise<T> {
    let end: (error: EngineError) => void = () => undefined
    const loss = new Promise<never>((_, reject) => (end = reject))
    this.#waiting.add(end)
    try {
      return await Promise.race([work(), loss])
    } catch (thrown) {
      if (this.#watched !== undefined && !this.#lost)
        await Promise.race([loss, new Promise((resolve) => setTimeout(resolve, WORD_OF_LOSS_MS))]).catch(
          () => undefined,
        )
      throw this.#lost ? lossWhile(doing, thrown) : engineErrorOf(thrown, doing)
    } finally {
      this.#waiting.delete(end)
      loss.catch(() => undefined)
    }
  }
}

const reasonOf = (info: unknown): unknown =>
  typeof info === 'object' && info !== null && 'reason' in info ? info.reason : undefined

const lossWhile = (doing: string, cause?: unknown): EngineError =>
  new EngineError(
    'device-lost',
    `The GPU was lost while ${doing}. Load the model again; if it happens again, choose wasm.`,
    { cause },
  )
