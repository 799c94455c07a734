// What every page does: moments in the reader's own zone and locale.

const locale = document.documentElement.dataset.locale;
const moments = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });

export function localize(root) {
  for (const time of root.querySelectorAll("time[data-moment]")) {
    time.textContent = moments.format(new Date(time.dateTime));
  }
}

localize(document);
