// Knows: what a browser tells of the machine it runs on, as facts.
// Must not know: globals: the navigator is handed in.
import type { MachineFacts } from '../domain/model.ts'

/** The part of a browser's global scope that is asked. */
export interface MachineScope {
  readonly navigator: {
    readonly hardwareConcurrency?: number
    /** GiB; Chromium only. */
    readonly deviceMemory?: number
    readonly gpu?: { requestAdapter(): Promise<MachineAdapter | null> }
    readonly storage?: {
      estimate?(): Promise<{ quota?: number; usage?: number }>
      persisted?(): Promise<boolean>
    }
  }
  readonly crossOriginIsolated: boolean
}
export interface MachineAdapter {
  readonly info?: { readonly vendor?: string; readonly architecture?: string; readonly description?: string }
  readonly features: { has(name: string): boolean }
}

/** Threads that the wasm backend takes at most; more of them mostly wait for memory. */
export const MOST_THREADS = 8

/** Never throws: what a browser refuses to tell is left out, or said in `why`. */
export async function describeMachine({
  navigator,
  crossOriginIsolated,
}: MachineScope): Promise<MachineFacts> {
  const [webgpu, storage] = await Promise.all([describeGpu(navigator), describeStorage(navigator)])
  const cores = navigator.hardwareConcurrency ?? 1
  return {
    webgpu,
    threads: {
      isolated: crossOriginIsolated,
      count: crossOriginIsolated ? Math.max(1, Math.min(MOST_THREADS, cores)) : 1,
    },
    ...(navigator.deviceMemory === undefined ? {} : { memoryGiB: navigator.deviceMemory }),
    ...(storage ? { storage } : {}),
  }
}

async function describeGpu({ gpu }: MachineScope['navigator']): Promise<MachineFacts['webgpu']> {
  if (!gpu)
    return { available: false, shaderF16: false, why: 'This browser does not offer WebGPU on this page.' }
  try {
    const adapter = await gpu.requestAdapter()
    if (!adapter)
      return {
        available: false,
        shaderF16: false,
        why: 'The browser knows WebGPU, but it offers no graphics adapter on this machine.',
      }
    const { vendor = '', architecture = '', description = '' } = adapter.info ?? {}
    const name = description || [vendor, architecture].filter(Boolean).join(' ')
    return {
      available: true,
      shaderF16: adapter.features.has('shader-f16'),
      ...(name ? { adapter: name } : {}),
    }
  } catch (thrown) {
    return {
      available: false,
      shaderF16: false,
      why: `WebGPU could not be asked: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
    }
  }
}

async function describeStorage({ storage }: MachineScope['navigator']): Promise<MachineFacts['storage']> {
  try {
    const estimate = await storage?.estimate?.()
    if (estimate?.quota === undefined) return undefined
    return {
      quotaBytes: estimate.quota,
      usedBytes: estimate.usage ?? 0,
      persisted: (await storage?.persisted?.()) ?? false,
    }
  } catch {
    return undefined // private windows may refuse; the page says nothing of storage then
  }
}
