// Knows: Chromium and how it is started; where the built pages and the shared model are. Used by tests and benchmarks.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium, type Browser, type BrowserContext } from 'playwright-core'
import { findChromium, NO_CHROMIUM } from '../chromium.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
export const DIST = join(root, 'dist')
/** Test pages, built like the page itself (tests/browser/build.ts). */
export const PAGES = join(root, 'test-results/pages')
export const SHARED = fileURLToPath(new URL('../../../shared/', import.meta.url))
export const TEACHER_FILE = 'SmolLM2-135M-Instruct.Q4_1.gguf'
export const hasTeacher = existsSync(join(SHARED, 'models', TEACHER_FILE))

const QUIET = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
/** WebGPU in software: slow, no `shader-f16`, and equal on every machine. */
const SOFTWARE_WEBGPU = [
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--enable-features=Vulkan',
  '--use-vulkan=swiftshader',
  '--use-angle=swiftshader',
  '--ignore-gpu-blocklist',
]

function requireChromium(): string {
  const executablePath = findChromium()
  if (executablePath === undefined) throw new Error(NO_CHROMIUM)
  return executablePath
}

export async function openBrowser(
  options: { webgpu?: boolean; args?: readonly string[] } = {},
): Promise<Browser> {
  return chromium.launch({
    executablePath: requireChromium(),
    headless: true,
    args: [...QUIET, ...(options.webgpu === true ? SOFTWARE_WEBGPU : []), ...(options.args ?? [])],
  })
}

/** A browser that keeps what pages store in a folder, as a person's does; the contexts of `openBrowser` are private windows. */
export async function openProfile(folder: string): Promise<BrowserContext> {
  return chromium.launchPersistentContext(folder, {
    executablePath: requireChromium(),
    headless: true,
    args: QUIET,
  })
}
