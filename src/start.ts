// Knows: that the program may fail to start, and what is shown then: plain text, because the components may be what failed.
// Must not know: anything of the program; main.ts is loaded here, so that an error while it loads is caught too.
import './ui/styles/index.css'

/** Shows why the page did not start, unless the program shows something itself. */
function showFailure(thrown: unknown): void {
  const line = document.querySelector('#not-started')
  if (line === null) return
  const detail = thrown instanceof Error ? thrown.message : String(thrown)
  line.setAttribute('role', 'alert')
  line.textContent = `Retort cannot start in this browser: ${detail.slice(0, 300)} What is stored stays as it is. Reload the page; if that changes nothing, update the browser or use another one.`
  line.classList.add('failed')
}

import('./main.ts')
  .then(({ opened }) => opened)
  .catch((thrown: unknown) => {
    showFailure(thrown)
    console.error(thrown)
  })
