"""Writes the texts that the shipped profile is calibrated on into a folder.

    python3 text.py FOLDER

They come from one pinned Python package: Wikipedia articles (CC BY-SA) that
gensim carries for its tests, as prose and as the word-level test sets of language
models write them, and gensim's own sources. The package is not installed.
"""
import bz2, collections, hashlib, html, pathlib, re, subprocess, sys, tempfile, zipfile

WHEEL = "gensim==4.4.0"
ARTICLES = "gensim/test/test_data/enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
SHA256 = {"ARTICLES": "34c1c63050c87cc8477b9ae36b1cb0edf372612c92938b742e579a7109c20fa4", "CODE": "49537c5c34e6de5202674876fcfc2fd2952c235a69f6928ea66d2701aa06166a"}
CODE = re.compile(r"gensim/(models|corpora|similarities|utils)[^.]*\.py")
RARE = 2  # words that occur fewer times are unknown


def members(folder):
    """Returns the articles and the sources."""
    subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--no-deps", "--no-cache-dir",
         "--only-binary=:all:", "--python-version", "3.11", "--platform", "manylinux_2_24_x86_64", "--dest", folder, WHEEL],
        check=True, stdout=sys.stderr)
    (wheel,) = pathlib.Path(folder).glob("*.whl")
    with zipfile.ZipFile(wheel) as z:
        code = "\n".join(z.read(n).decode() for n in sorted(z.namelist()) if CODE.fullmatch(n))
        return bz2.decompress(z.read(ARTICLES)).decode(), code


def prose(wikitext):
    """Returns an article without its markup, headings between '='."""
    t = html.unescape(html.unescape(wikitext))
    t = re.sub(r"<!--.*?-->|<ref[^>/]*>.*?</ref>|<ref[^>]*/>|<(math|gallery|nowiki|timeline)[^>]*>.*?</\1>|<[^>]*>", "", t, flags=re.S)
    t = re.sub(r"^[|!{:*#;].*$", "", re.sub(r"\{\|.*?\|\}", "", innermost(r"\{\{[^{}]*\}\}", t), flags=re.S), flags=re.M)
    t = re.sub(r"\[\[(?!File:|Image:|Category:|[a-z\-]+:)(?:[^\[\]|]*\|)?([^\[\]|]*)\]\]", r"\1", t)
    t = re.sub(r"\[\[[^\[\]]*\]\]\n?", "", t)
    t = re.sub(r"\[https?:\S*\s?([^\]]*)\]", r"\1", t)
    t = re.sub(r"'{2,}", "", t).replace("\xa0", " ")
    t = re.split(r"^=+ *(?:See also|References|Notes|External links|Further reading|Bibliography)", t, flags=re.M)[0]
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"\(\s*[;,]?\s*\)|[ \t]+$", "", t, flags=re.M)).strip()


def innermost(pattern, text):
    """Takes away what matches until nothing does."""
    while (shorter := re.sub(pattern, "", text)) != text:
        text = shorter
    return text


def words(article):
    """Returns an article word by word: marks apart, marks inside of words between @."""
    lines = []
    for line in article.splitlines():
        if heading := re.fullmatch(r"(=+)\s*(.*?)\s*\1", line):
            marks = " ".join(heading[1])
            line = f"{marks} {heading[2]} {marks}"
        line = re.sub(r"(?<=\d)([.,])(?=\d)|(?<=\w)(-)(?=\w)", lambda m: f" @{m[0]}@ ", line)
        line = re.sub(r"(?<![@])([.,;:!?()\"“”/–%$£&\[\]])(?![@])", r" \1 ", line)
        line = re.sub(r"(\w)('s\b|'(?!\w))", r"\1 \2", line)
        if line.strip():
            lines.append(" " + " ".join(re.sub("[“”]", '"', line).split()) + " ")
    return "\n".join(lines)


def main(folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as tmp:
        xml, code = members(tmp)
    for name, text in (("ARTICLES", xml), ("CODE", code)):
        if (found := hashlib.sha256(text.encode()).hexdigest()) != SHA256[name]:
            sys.exit(f"text.py: {name} of {WHEEL} has sha256 {found}, want {SHA256[name]}")
    pages = re.findall(r"<title>([^<]*)</title>.*?<text[^>]*>(.*?)</text>", xml, flags=re.S)
    articles = [(t, prose(p)) for t, p in pages if not p.startswith("#") and ":" not in t]
    articles = [f"={t}=\n\n{p}" for t, p in articles if len(p) > 4000]
    split = [words(a) for a in articles[1::2]]
    count = collections.Counter(w for a in split for w in a.split(" "))
    known = lambda w: w if count[w] >= RARE or not w.isalpha() else "<unk>"
    (folder / "prose.txt").write_text("\n\n\n".join(a.removeprefix("=").replace("=", "", 1) for a in articles[::2]))
    (folder / "words.txt").write_text(" \n \n".join(" ".join(known(w) for w in a.split(" ")) for a in split))
    (folder / "code.txt").write_text(code)


main(*sys.argv[1:])
