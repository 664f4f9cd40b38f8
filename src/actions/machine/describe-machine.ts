// Knows: the facts that a browser reports about its machine.
// Must not know: globals: the scope is passed in.
import type { MachineFacts } from '../../domain/machine.ts'

/** The part of a browser's global scope that is read. */
export interface MachineScope {
  readonly navigator: {
    readonly userAgent?: string
    readonly hardwareConcurrency?: number
    /** GiB; Chromium only. */
    readonly deviceMemory?: number
    readonly gpu?: { requestAdapter(): Promise<MachineAdapter | null> }
    readonly storage?: {
      getDirectory?(): Promise<unknown>
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

/** Max threads of the wasm backend; more of them mostly wait for memory. */
export const MAX_THREADS = 8

/** Never throws: what a browser does not report is left out, or explained in `reason`. */
export async function describeMachine({
  navigator,
  crossOriginIsolated,
}: MachineScope): Promise<MachineFacts> {
  const [webgpu, storage, storesFiles] = await Promise.all([
    describeGpu(navigator),
    describeStorage(navigator),
    canStoreFiles(navigator),
  ])
  const cores = navigator.hardwareConcurrency ?? 1
  const sharesMemory = crossOriginIsolated && typeof SharedArrayBuffer !== 'undefined'
  return {
    webgpu,
    threads: {
      isolated: sharesMemory,
      count: sharesMemory ? Math.max(1, Math.min(MAX_THREADS, cores)) : 1,
    },
    ...(navigator.deviceMemory === undefined ? {} : { memoryGiB: navigator.deviceMemory }),
    ...(storage ? { storage } : {}),
    ...(storesFiles ? {} : { lacksFiles: true }),
    ...(isSafari(navigator.userAgent ?? '') ? { forgetsAfterDays: SAFARI_FORGETS_AFTER_DAYS } : {}),
  }
}

async function describeGpu({ gpu }: MachineScope['navigator']): Promise<MachineFacts['webgpu']> {
  if (!gpu)
    return {
      available: false,
      shaderF16: false,
      reason: 'This browser does not support WebGPU on this page.',
    }
  try {
    const adapter = await gpu.requestAdapter()
    if (!adapter)
      return {
        available: false,
        shaderF16: false,
        reason: 'The browser supports WebGPU, but finds no graphics adapter on this machine.',
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
      reason: `WebGPU could not be queried: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
    }
  }
}

/** Safari deletes what scripts stored for a site that was not used on this number of days of using the browser (WebKit, since 13.1). */
const SAFARI_FORGETS_AFTER_DAYS = 7

const isSafari = (userAgent: string): boolean =>
  /\bVersion\/\d.*\bSafari\//.test(userAgent) && !/Chrom|Android|Edg/.test(userAgent)

/** Whether the browser has an origin-private file system here; private windows often have none. */
async function canStoreFiles({ storage }: MachineScope['navigator']): Promise<boolean> {
  try {
    return (await storage?.getDirectory?.()) !== undefined
  } catch {
    return false
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
    return undefined // private windows may refuse; the page then reports storage as unknown
  }
}
