// Knows: how an element opens above the page as the platform's modal dialog: the page is inert, focus stays inside and returns.
// Must not know: what a dialog shows.

interface Options {
  readonly onClose: () => void
  /** A press next to the dialog closes it. */
  readonly byBackdrop: boolean
}

/** An attachment for a `<dialog>` that exists only while it is open. The function is called once per opening. */
export const openModal =
  ({ onClose, byBackdrop }: Options) =>
  (dialog: HTMLDialogElement): (() => void) => {
    const before = document.activeElement
    const listeners = new AbortController()
    const { signal } = listeners
    // Whoever opened it removes it from the page. The same event of a file field inside bubbles up to here.
    dialog.addEventListener(
      'cancel',
      (event) => {
        if (event.target !== dialog) return
        event.preventDefault()
        onClose()
      },
      { signal },
    )
    // Browsers close it unconditionally if Escape is pressed twice.
    dialog.addEventListener('close', ({ target }) => target === dialog && onClose(), { signal })
    if (byBackdrop) {
      // The backdrop is part of the element. A press that begins inside, as when text is selected, ends nothing.
      let began = false
      dialog.addEventListener('pointerdown', ({ target }) => (began = target === dialog), { signal })
      dialog.addEventListener('click', ({ target }) => began && target === dialog && onClose(), { signal })
    }
    dialog.showModal()
    return () => {
      listeners.abort()
      const isFree = document.activeElement === null || document.activeElement === document.body
      if (isFree || dialog.contains(document.activeElement)) {
        if (dialog.open) dialog.close()
        if (before instanceof HTMLElement) before.focus({ preventScroll: true })
      }
    }
  }
