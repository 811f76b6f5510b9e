// SPDX-License-Identifier: GPL-3.0-or-later
// Recordings to train on: what is held out stays out of the copies at other pitches too, and why files are left out.
#include <sys/stat.h>
#include <unistd.h>

#include <QTemporaryDir>
#include <QTest>

#include "core/file/recordings.h"
#include "core/neural/batch.h"
#include "core/neural/dataset.h"
#include "tests/model_rig.h"

using namespace tests;

namespace {
/// Notes of 0.2 s with pauses from 97 to 104 ms between them: about as long as the shortest gap between takes.
std::vector<float> shortPauses() {
  std::vector<float> x;
  for (int note = 0; note < 16; ++note) {
    const std::vector<float> played = notes(kModelRate, 0.7, {200.0 + 10 * note}, -16).channels[0];
    x.insert(x.end(), played.begin() + 1600, played.begin() + 4800);
    x.insert(x.end(), static_cast<std::size_t>((0.097 + 0.001 * (note % 8)) * kModelRate), 0.0F);
  }
  return x;
}
AudioData mono(std::vector<float> x) { return {kModelRate, {std::move(x)}}; }
}  // namespace

class TestDataset : public QObject {
  Q_OBJECT
  QTemporaryDir dir_;
  std::optional<FrontCut> cut_;

  std::filesystem::path at(const char* name) const { return dir_.filePath(QString::fromLatin1(name)).toStdString(); }
  /// A folder of one file.
  std::filesystem::path folderOf(const char* name, const AudioData& audio) const {
    std::filesystem::create_directory(at(name));
    if (!writeAudio(at(name) / "a.wav", audio, AudioFormat::wav32f)) return {};
    return at(name);
  }
  Result<Dataset> load(const std::filesystem::path& folder, const std::vector<std::string>& validate = {},
                       bool copies = false) const {
    return Dataset::load(recordings(folder), *cut_, registry(), {{}, validate, copies, 1},
                         [](const std::string&, double) {}, {});
  }

 private Q_SLOTS:
  void initTestCase() {
    auto cut = cutFront(follower(), registry(), 100);
    QVERIFY(dir_.isValid() && cut.has_value());
    cut_ = std::move(*cut);
  }

  /// A pause of 98 ms is a gap in a copy that lasts longer; its takes are still those of the recording.
  void heldOutInEveryCopy() {
    const auto folder = folderOf("pauses", mono(shortPauses()));
    const auto data = load(folder, {"a.wav#2", "a.wav#4"}, true);
    QVERIFY2(data.has_value(), data ? "" : data.error().message.c_str());
    QCOMPARE(data->sources().size(), std::size_t{3});
    const Source& original = data->sources()[0];
    bool partedElsewhere = false;
    for (std::size_t s = 1; s < 3; ++s) {
      const Source& copy = data->sources()[s];
      QVERIFY(copy.copy && copy.takes.size() == original.takes.size());
      const double longer = static_cast<double>(copy.sound.size()) / static_cast<double>(original.sound.size());
      partedElsewhere = partedElsewhere || findTakes("", copy.sound, kModelRate).size() != original.takes.size();
      for (std::size_t t = 0; t < copy.takes.size(); ++t) {
        const Take &take = copy.takes[t], &of = original.takes[t];
        QCOMPARE(take.name, of.name);
        QCOMPARE(take.validation, of.validation);
        QVERIFY(std::fabs(static_cast<double>(take.begin) - longer * static_cast<double>(of.begin)) < 3);
        QVERIFY(std::fabs(static_cast<double>(take.end) - longer * static_cast<double>(of.end)) < 3);
      }
    }
    QVERIFY(partedElsewhere);  // or this tells nothing
    QCOMPARE(data->takeNames(true).size(), std::size_t{2});
  }

  /// Between two takes that are held out there is room for hardly more than the clip.
  void clipsAvoidWhatIsHeldOut() {
    std::vector<float> x;
    std::vector<std::string> heldOut;
    for (int note = 0; note < 20; ++note) {
      const std::vector<float> played = notes(kModelRate, 0.7, {200.0 + 10 * note}, -16).channels[0];
      x.insert(x.end(), played.begin() + 1600, played.begin() + 4800);
      x.insert(x.end(), static_cast<std::size_t>(0.15 * kModelRate), 0.0F);
      if (note != 11) heldOut.push_back("a.wav#" + std::to_string(note + 1));
    }
    const auto data = load(folderOf("narrow", mono(std::move(x))), heldOut);
    QVERIFY2(data.has_value(), data ? "" : data.error().message.c_str());
    QCOMPARE(data->takeNames(false), std::vector<std::string>{"a.wav#12"});
    const int ticks = clipTicks(0.48, kModelRate);
    QVERIFY(data->hasRoom(ticks) && !data->hasRoom(clipTicks(0.6, kModelRate)));
    std::mt19937 random(2);
    for (int i = 0; i < 50; ++i) {
      const Slice clip = data->draw(random, ticks);
      const std::int64_t begin = clip.firstTick * kTick, end = begin + ticks * kTick;
      for (const Take& t : data->sources()[0].takes)
        QVERIFY2(!t.validation || t.end <= begin || end <= t.begin, t.name.c_str());
    }
  }

  /// What is remembered of another sound's length is not believed.
  void shortMemoriesAreHeardAgain() {
    const auto folder = folderOf("remembered", notes(kModelRate, 1.6, {220, 330}, -16));
    DatasetOptions options{{}, {"none"}, false, 1};
    int kept = 0, cut = 0;
    std::vector<std::vector<float>> features;
    options.memory.recall = [&](std::uint64_t) {
      auto known = features;
      for (auto& rows : known) rows.resize(rows.size() - static_cast<std::size_t>(cut));
      return known;
    };
    options.memory.keep = [&](std::uint64_t, const auto& heard) {
      features = heard;
      ++kept;
    };
    for (const auto& [shorter, count] : {std::pair{0, 1}, {0, 1}, {1, 2}, {0, 2}}) {
      cut = shorter;
      const auto data =
          Dataset::load(recordings(folder), *cut_, registry(), options, [](const std::string&, double) {}, {});
      QVERIFY(data.has_value());
      QCOMPARE(kept, count);
      QVERIFY(data->sources()[0].features == features);
    }
  }

  // ---- what counts as a recording -------------------------------------------------------------

  void hiddenFilesAreNoRecordings() {
    namespace fs = std::filesystem;
    const auto folder = folderOf("bin", notes(kModelRate, 1, {220}, -16));
    fs::create_directory(folder / ".Trash-1000");
    fs::copy(folder / "a.wav", folder / ".Trash-1000/b.wav");
    fs::copy(folder / "a.wav", folder / "._a.wav");
    QCOMPARE(recordings(folder), std::vector<fs::path>{folder / "a.wav"});
    fs::remove(folder / "a.wav");
    const auto none = findRecordings(folder);
    QVERIFY(!none.has_value());
    for (const char* says : {"holds no recordings", "\"._a.wav\"", "\".Trash-1000\""})
      QVERIFY2(none.error().message.find(says) != std::string::npos, none.error().message.c_str());
    // one that is named is meant
    QCOMPARE(recordings(folder / ".Trash-1000").size(), std::size_t{1});
    QCOMPARE(recordings(folder / "._a.wav").size(), std::size_t{1});
  }
  /// A copy in the folder, in another format or by a link, would be learned from while its like is held out.
  void theSameSoundCountsOnce() {
    namespace fs = std::filesystem;
    const auto folder = folderOf("twice", notes(kModelRate, 2, {220, 330}, -16));
    const auto read = readAudio(folder / "a.wav");
    QVERIFY(read.has_value() && writeAudio(folder / "b.wav", *read, AudioFormat::wav32f).has_value());
    QVERIFY(writeAudio(folder / "d.wav", notes(kModelRate, 2, {262, 294}, -16), AudioFormat::wav16).has_value());
    fs::create_symlink(folder / "a.wav", folder / "c.wav");
    const auto data = load(folder, {"a.wav#1"});
    QVERIFY2(data.has_value(), data ? "" : data.error().message.c_str());
    QCOMPARE(data->takeNames(false), (std::vector<std::string>{"a.wav#2", "d.wav#1", "d.wav#2"}));
    QCOMPARE(data->skipped().size(), std::size_t{2});
    for (std::size_t i = 0; i < 2; ++i) {
      QCOMPARE(data->skipped()[i].file, std::string(i ? "c.wav" : "b.wav"));
      QCOMPARE(data->skipped()[i].reason, std::string("It is the same sound as a.wav."));
    }
  }
  /// Nothing in the folder that looks like a recording is passed over without a word, nor waited for.
  void whatCannotBeReadIsReported() {
    namespace fs = std::filesystem;
    const auto folder = folderOf("mixed", notes(kModelRate, 1.6, {220, 330}, -16));
    fs::create_symlink(folder / "gone.flac", folder / "dangling.wav");
    fs::create_directory(folder / "elsewhere");
    fs::create_directory_symlink(folder / "elsewhere", folder / "link");
    fs::create_directory(folder / "locked");
    fs::copy(folder / "a.wav", folder / "locked/b.wav");
    QCOMPARE(::mkfifo((folder / "pipe.wav").c_str(), 0600), 0);
    for (const fs::path& p : {fs::path(dir_.path().toStdString()), folder})
      fs::permissions(p, fs::perms(0055), fs::perm_options::add);
    fs::permissions(folder / "locked", fs::perms::none);
    const bool root = ::geteuid() == 0;  // whom nothing is locked for
    QVERIFY(!root || ::seteuid(65534) == 0);
    const auto data = Dataset::load(recordings(folder), *cut_, registry(), {folder, {}, false, 1},
                                    [](const std::string&, double) {}, {});
    QVERIFY(!root || ::seteuid(0) == 0);
    fs::permissions(folder / "locked", fs::perms::owner_all);
    QVERIFY2(data.has_value(), data ? "" : data.error().message.c_str());
    QStringList said;
    for (const Skipped& s : data->skipped()) said << QString::fromStdString(s.file + ": " + s.reason);
    said.sort();
    QVERIFY2(said.size() == 4, qPrintable(said.join('\n')));
    QVERIFY2(said[0].startsWith("dangling.wav: ") && said[0].contains("link"), qPrintable(said[0]));
    QVERIFY2(said[1].startsWith("link: ") && said[1].contains("link to a folder"), qPrintable(said[1]));
    QVERIFY2(said[2].startsWith("locked: ") && said[2].contains("folder"), qPrintable(said[2]));
    QVERIFY2(said[3].startsWith("pipe.wav: ") && said[3].contains("no ordinary file"), qPrintable(said[3]));
    QCOMPARE(data->takeNames(false).size() + data->takeNames(true).size(), std::size_t{2});
  }

  void reasonsAreTrue_data() {
    QTest::addColumn<double>("seconds");
    QTest::addColumn<double>("sounds");
    QTest::addColumn<QString>("says");
    QTest::newRow("5 ms") << 0.005 << 0.005 << "a.wav: It is shorter than half a second.";
    QTest::newRow("cut") << 0.3 << 0.3 << "a.wav: It is shorter than half a second.";
    QTest::newRow("silence") << 2.0 << 0.0 << "a.wav: It is silent.";
    QTest::newRow("a click") << 2.0 << 0.02 << "a.wav: Nothing in it sounds for as long as 80 ms.";
  }
  void reasonsAreTrue() {
    QFETCH(double, seconds);
    QFETCH(double, sounds);
    QFETCH(QString, says);
    std::vector<float> x = notes(kModelRate, 2.5, {220}, -16).channels[0];
    x.erase(x.begin(), x.begin() + 1600);
    x.resize(static_cast<std::size_t>(seconds * kModelRate));
    std::fill(x.begin() + static_cast<std::ptrdiff_t>(sounds * kModelRate), x.end(), 0.0F);
    const auto data = load(folderOf(QTest::currentDataTag(), mono(std::move(x))));
    QVERIFY(!data.has_value());
    QCOMPARE(QString::fromStdString(data.error().message), "There is nothing to train on: " + says);
  }
  /// Two voices in a fifth are left out, one of them alone is not, nor what rings on in a room.
  void duetsAreLeftOut() {
    const AudioData low = notes(kModelRate, 3, {220, 262, 196}, -20), high = notes(kModelRate, 3, {330, 392, 294}, -20);
    AudioData duet = low, room = low;
    for (std::size_t i = 0; i < duet.frames(); ++i) duet.channels[0][i] += high.channels[0][i];
    constexpr std::size_t kLoop = 600;  // frames: dies away by 60 dB in 0.7 s
    for (std::size_t i = kLoop; i < room.frames(); ++i) room.channels[0][i] += 0.7F * room.channels[0][i - kLoop];
    QVERIFY(load(folderOf("low", low)).has_value() && load(folderOf("room", room)).has_value());
    const auto data = load(folderOf("duet", duet));
    QVERIFY(!data.has_value());
    QCOMPARE(QString::fromStdString(data.error().message),
             QString("There is nothing to train on: a.wav: It seems to hold several notes at once; a model learns from "
                     "one voice."));
  }
  void allHeldOut() {
    const auto folder = folderOf("held", notes(kModelRate, 2, {220, 330}, -16));
    QVERIFY(load(folder).has_value());
    const auto data = load(folder, {"a.wav"});
    QVERIFY(!data.has_value());
    QCOMPARE(QString::fromStdString(data.error().message),
             QString("There is nothing to train on: all takes are held out; hold out fewer."));
  }
};

QTEST_GUILESS_MAIN(TestDataset)
#include "tst_dataset.moc"
