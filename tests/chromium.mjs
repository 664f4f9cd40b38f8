// Knows: where a Chromium may be found, and how Debian gets one. Runs before anything is installed: Node's own modules only.
import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const NAMES = [
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable',
  'chrome',
  'chrome.exe',
  'msedge',
]
const USUAL_PLACES = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
]

/** @returns {string | undefined} the path of a Chromium: `RETORT_CHROMIUM`, else the PATH, else the usual places. */
export function findChromium() {
  const named = process.env['RETORT_CHROMIUM']
  if (named !== undefined && named !== '') return existsSync(named) ? named : undefined
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  const candidates = [
    ...folders.flatMap((folder) => NAMES.map((name) => join(folder, name))),
    ...USUAL_PLACES,
  ]
  return candidates.find((path) => existsSync(path) && statSync(path).isFile())
}

/** @returns {string | undefined} the path of a Chromium, installed by Debian's own package manager where that is allowed and needed. */
export function findOrInstallChromium() {
  const found = findChromium()
  if (found !== undefined) return found
  if (process.platform === 'linux' && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    console.log('No Chromium found; installing Debian’s.')
    const options = { stdio: 'inherit', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }
    spawnSync('apt-get', ['update', '-q'], options)
    spawnSync('apt-get', ['install', '-y', '-q', '--no-install-recommends', 'chromium'], options)
  }
  return findChromium()
}

export const NO_CHROMIUM =
  'The browser tests need Chromium or Chrome and none was found. Install one (Debian: "apt-get install chromium"; macOS: "brew install --cask chromium"), or name it: RETORT_CHROMIUM=/path/to/chrome npm test'
