// Knows: how other programs are installed: into a folder of their own, without install scripts, from their lock file. They are no
// dependencies of this project.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const QUIET = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']

/** Runs npm in a folder; returns a sentence if that fails. */
async function runNpm(folder: string, ...args: string[]): Promise<string | undefined> {
  try {
    await promisify(execFile)('npm', [...args, '--prefix', folder, ...QUIET])
    return undefined
  } catch (thrown) {
    return `npm could not install them. ${thrown instanceof Error ? thrown.message : String(thrown)}`
  }
}

/**
 * Installs the packages of the folder's lock file, without optional ones; then `extra`, packages with versions. Returns a sentence if that
 * fails, undefined if everything is installed.
 */
export async function installPeers(folder: string, ...extra: readonly string[]): Promise<string | undefined> {
  const failed = await runNpm(folder, 'ci', '--omit=optional')
  if (failed !== undefined || extra.length === 0) return failed
  return runNpm(folder, 'install', '--omit=optional', '--no-save', '--no-package-lock', ...extra)
}
