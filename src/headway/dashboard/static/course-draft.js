// Keeps what an author has not saved in this tab, so that it survives a reload.

const learner = document.querySelector('meta[name="learner"]')?.getAttribute("content");

export class DraftStore {
  /** @param {string} course the address of the course */
  constructor(course) {
    this.name = `headway:draft:${learner}:${course}`;
  }

  /** @returns {KeptDraft | null} */
  read() {
    try {
      return JSON.parse(sessionStorage.getItem(this.name) ?? "null");
    } catch {
      return null; // the browser keeps nothing, or something else
    }
  }

  write(/** @type {KeptDraft} */ draft) {
    try {
      sessionStorage.setItem(this.name, JSON.stringify(draft));
    } catch {
      // There is no room for it. The page warns before it is left.
    }
  }

  remove() {
    try {
      sessionStorage.removeItem(this.name);
    } catch {
      // The browser keeps nothing.
    }
  }
}
