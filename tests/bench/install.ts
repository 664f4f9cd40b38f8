// Knows: how other programs come onto this machine: into a folder of their own, without their scripts, as their lock file says.
// They are no dependencies of this project.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const QUIET = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']

/** Runs npm in a folder; gives a sentence where that fails. */
async function runNpm(folder: string, ...args: string[]): Promise<string | undefined> {
  try {
    await promisify(execFile)('npm', [...args, '--prefix', folder, ...QUIET])
    return undefined
  } catch (thrown) {
    return `npm could not install them. ${thrown instanceof Error ? thrown.message : String(thrown)}`
  }
}

/**
 * Installs what the folder's lock file names, without what is optional there; then `extra`, packages with versions. Gives a sentence where
 * that fails, undefined where all is there.
 */
export async function installPeers(folder: string, ...extra: readonly string[]): Promise<string | undefined> {
  const failed = await runNpm(folder, 'ci', '--omit=optional')
  if (failed !== undefined || extra.length === 0) return failed
  return runNpm(folder, 'install', '--omit=optional', '--no-save', '--no-package-lock', ...extra)
}
