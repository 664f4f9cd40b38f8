// Knows: that decoders which do more than a Llama give transformers' logits in the browser too, with the KV cache on the device of the backend.
import { makeDeviceModel } from '../../../src/engine/generation/device-cache.ts'
import { makeHostModel } from '../../../src/engine/generation/host-cache.ts'
import { openRuntime } from '../../../src/engine/runtime/open.ts'
import {
  describeHuggingFace,
  loadHuggingFaceWeights,
} from '../../../src/engine/weights/hugging-face/hugging-face.ts'
import { compareAfterPrefix } from '../../engine/compare-logits.ts'
import { makeSafetensors, oracle } from '../../engine/small-architectures.ts'
import { checkAtMost, checkThat, type Check } from './check.ts'

/** The last has every kind of norm, GELU and attention windows; what the others add, products and sums, other checks cover. */
const TRIED = ['qwen3 with wide heads', 'gemma3 with a scale and layers of its own']
const BOUND = 1e-4

export async function runArchitectureChecks(backend: 'wasm' | 'webgpu'): Promise<readonly Check[]> {
  const runtime = await openRuntime({ backend, forbidFallback: true })
  const make = backend === 'webgpu' ? makeDeviceModel : makeHostModel
  const checks: Check[] = []
  for (const title of TRIED) {
    checks.push(
      await checkThat(title, async () => {
        const saved = oracle.models[title]
        if (saved === undefined) throw new RangeError(`there is no ${title}`)
        const described = await describeHuggingFace({
          config: saved.config,
          sources: [makeSafetensors(saved)],
        })
        if (!described.ok) throw new Error(described.sentence)
        const model = await make(runtime, await loadHuggingFaceWeights(described.model, 'f32'), 2, 64)
        const worst = await compareAfterPrefix(saved, model)
        await model.release()
        return checkAtMost(title, worst, BOUND)
      }),
    )
  }
  return checks
}
