// SPDX-License-Identifier: GPL-3.0-or-later
// links: core
// Sound and MIDI files: round trips, hostile files, failed and cancelled writes.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <QTemporaryDir>
#include <QtTest>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <numbers>
#include <random>

#include "core/file/audio_file.h"
#include "core/file/midi_file.h"
#include "core/file/midi_message.h"

using namespace core;
namespace fs = std::filesystem;

namespace {
AudioData tone(double rate = 48000, double seconds = 0.5, int channels = 2) {
  AudioData a;
  a.rate = rate;
  a.channels.resize(static_cast<std::size_t>(channels));
  for (std::size_t c = 0; c < a.channels.size(); ++c)
    for (int i = 0; i < rate * seconds; ++i)
      a.channels[c].push_back(
          static_cast<float>(0.5 * std::sin(2 * std::numbers::pi * 440.0 * static_cast<double>(c + 1) * i / rate)));
  return a;
}
double rmsError(const AudioData& a, const AudioData& b) {
  double sum = 0;
  const std::size_t n = std::min(a.frames(), b.frames());
  for (std::size_t c = 0; c < a.channels.size(); ++c)
    for (std::size_t i = 0; i < n; ++i) sum += std::pow(a.channels[c][i] - b.channels[c][i], 2);
  return std::sqrt(sum / static_cast<double>(n * a.channels.size()));
}
std::string bytesOf(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void put(const fs::path& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }
/// One sentence: starts with a capital, ends with one full stop, names something.
bool isSentence(const std::string& s) {
  return s.size() > 12 && ((s[0] >= 'A' && s[0] <= 'Z') || s[0] == '"') && s.back() == '.' &&
         s.find('\n') == std::string::npos;
}
int entries(const fs::path& folder) {
  return static_cast<int>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}
}  // namespace

class TestFiles : public QObject {
  Q_OBJECT
  QTemporaryDir dir_;
  fs::path in(const char* name) const { return fs::path(dir_.path().toStdString()) / name; }

 private Q_SLOTS:
  void roundTrip_data() {
    QTest::addColumn<int>("format");
    QTest::addColumn<QString>("name");
    QTest::addColumn<double>("error");
    QTest::newRow("wav16") << 0 << "a.wav" << 3e-5;
    QTest::newRow("wav24") << 1 << "b.wav" << 1.2e-7;
    QTest::newRow("wav32f") << 2 << "c.wav" << 0.0;
    QTest::newRow("flac") << 3 << "d.flac" << 1.2e-7;
    QTest::newRow("ogg") << 4 << "e.ogg" << 0.01;
    QTest::newRow("mp3") << 5 << "f.mp3" << 0.02;
  }
  void roundTrip() {
    QFETCH(int, format);
    QFETCH(QString, name);
    QFETCH(double, error);
    const AudioData a = tone();
    const fs::path path = in(name.toUtf8().constData());
    const auto written = writeAudio(path, a, static_cast<AudioFormat>(format));
    QVERIFY2(written.has_value(), written ? "" : written.error().message.c_str());
    const auto back = readAudio(path);
    QVERIFY2(back.has_value(), back ? "" : back.error().message.c_str());
    QCOMPARE(back->rate, 48000.0);
    QCOMPARE(back->channels.size(), std::size_t{2});
    if (format != 5) QCOMPARE(back->frames(), a.frames());
    QVERIFY(back->frames() >= a.frames());
    const double e = rmsError(a, *back);
    QVERIFY2(e <= error, qPrintable(QString::number(e)));
    const std::string first = bytesOf(path);
    if (format == 4) return;  // an Ogg stream has a random serial number
    QVERIFY(writeAudio(path, a, static_cast<AudioFormat>(format)).has_value());
    QVERIFY(first == bytesOf(path));
  }
  void ditherHasTriangularNoise() {
    AudioData silence;
    silence.channels = {std::vector<float>(48000, 0.25f / 32768)};
    QVERIFY(writeAudio(in("dither.wav"), silence, AudioFormat::wav16).has_value());
    const auto back = readAudio(in("dither.wav"));
    double mean = 0, square = 0;
    for (const float x : back->channels[0]) mean += x * 32768 / 48000, square += std::pow(x * 32768 - 0.25, 2) / 48000;
    QVERIFY(std::abs(mean - 0.25) < 0.02);    // the mean survives below one step
    QVERIFY(std::abs(square - 0.25) < 0.02);  // TPDF: 1/6 + 1/12 step squared
  }
  void endings() {
    QVERIFY(*formatOf("x.WAV") == AudioFormat::wav16 && *formatOf("x.ogg") == AudioFormat::ogg);
    const auto unknown = formatOf("x.xyz");
    QVERIFY(!unknown && isSentence(unknown.error().message));
  }
  /// What a format cannot hold is said, and nothing where it holds all.
  void lossesAreSaid() {
    AudioData x{192000, {std::vector<float>(100, 0.5F), std::vector<float>(100, -1.0F)}};
    using F = core::AudioFormat;
    for (const F f : {F::wav16, F::wav24, F::wav32f, F::flac, F::ogg}) QVERIFY(core::lossesOf(x, f).empty());
    QCOMPARE(core::lossesOf(x, F::mp3),
             std::vector<std::string>{"An MP3 file cannot hold 192000 Hz; it is written at 48000 Hz."});
    x.rate = 44100;
    QVERIFY(core::lossesOf(x, F::mp3).empty());
    x.channels[1][50] = -1.2589F;  // 2 dB
    for (const F f : {F::wav16, F::wav24, F::flac, F::ogg, F::mp3})
      QCOMPARE(
          core::lossesOf(x, f),
          std::vector<std::string>{
              "The sound goes 2.0 dB above full scale and is cut off there; a WAV of 32 bit floats holds all of it."});
    QVERIFY(core::lossesOf(x, F::wav32f).empty());
  }
  void formatNames() {
    QCOMPARE(*core::parseFormat("wav32f"), core::AudioFormat::wav32f);
    QCOMPARE(*core::parseFormat("mp3"), core::AudioFormat::mp3);
    QVERIFY(!core::parseFormat("wav").has_value());
  }
  void resampleKeepsATone() {
    const AudioData a = tone(44100, 0.5, 1), b = resample(a, 48000);
    QCOMPARE(b.frames(), std::size_t{24000});
    const AudioData c = resample(b, 44100);
    double worst = 0;
    for (std::size_t i = 2000; i < 20000; ++i)
      worst = std::max(worst, static_cast<double>(std::abs(c.channels[0][i] - a.channels[0][i])));
    QVERIFY2(worst < 2e-6, qPrintable(QString::number(worst)));
  }
  void hostile_data() {
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<bool>("readable");
    QVERIFY(writeAudio(in("good.wav"), tone(48000, 0.1), AudioFormat::wav16).has_value());
    const std::string good = bytesOf(in("good.wav"));
    const auto row = [](const std::string& b) { return QByteArray(b.data(), static_cast<int>(b.size())); };
    const auto poke = [&](std::size_t at, std::initializer_list<int> v) {
      std::string s = good;
      for (const int x : v) s[at++] = static_cast<char>(x);
      return row(s);
    };
    QTest::newRow("zero length") << QByteArray() << false;
    QTest::newRow("unknown type") << QByteArray("this is a text and not a sound, however long it is") << false;
    QTest::newRow("header only") << row(good.substr(0, 44)) << false;
    QTest::newRow("half a header") << row(good.substr(0, 20)) << false;
    QTest::newRow("truncated") << row(good.substr(0, 1001)) << true;
    QTest::newRow("huge length") << poke(40, {0xff, 0xff, 0xff, 0x7f}) << true;
    QTest::newRow("no channels") << poke(22, {0, 0}) << false;
    QTest::newRow("many channels") << poke(22, {0xff, 0x7f}) << false;
    QTest::newRow("rate zero") << poke(24, {0, 0, 0, 0}) << false;
    QTest::newRow("rate huge") << poke(24, {0xff, 0xff, 0xff, 0x7f}) << false;
  }
  void hostile() {
    QFETCH(QByteArray, bytes);
    QFETCH(bool, readable);
    const fs::path path = in("hostile.wav");
    put(path, bytes.toStdString());
    const auto got = readAudio(path);
    QCOMPARE(got.has_value(), readable);
    if (got)
      QVERIFY(got->frames() > 0 && got->frames() <= 4800);
    else
      QVERIFY2(isSentence(got.error().message), got.error().message.c_str());
  }
  void everyTruncationAndRandomDamage() {
    std::mt19937 random(7);
    for (const char* name : {"a.wav", "d.flac", "e.ogg", "f.mp3"}) {
      const std::string good = bytesOf(in(name));
      for (int i = 0; i < 60; ++i) {
        std::string bad = good.substr(0, i % 2 ? random() % good.size() : good.size());
        for (int k = 0; k < 20 && !bad.empty(); ++k)
          bad[random() % std::min<std::size_t>(bad.size(), 200)] ^= static_cast<char>(random());
        put(in("damaged"), bad);
        const auto got = readAudio(in("damaged"), 20);
        if (!got)
          QVERIFY2(isSentence(got.error().message), got.error().message.c_str());
        else
          QVERIFY(got->frames() > 0);
      }
    }
  }
  void oddSounds() {
    AudioData nan = tone(48000, 0.01, 1);
    std::fill(nan.channels[0].begin(), nan.channels[0].end(), std::numeric_limits<float>::quiet_NaN());
    std::string raw(44 + 400, '\0');
    QVERIFY(writeAudio(in("float.wav"), tone(48000, 0.01, 1), AudioFormat::wav32f).has_value());
    std::string bytes = bytesOf(in("float.wav"));
    for (std::size_t i = bytes.size() - 400; i + 4 <= bytes.size(); i += 4) bytes.replace(i, 4, "\xff\xff\xff\x7f");
    put(in("nan.wav"), bytes);
    const auto got = readAudio(in("nan.wav"));
    QVERIFY(got.has_value());
    for (const float x : got->channels[0]) QVERIFY(std::isfinite(x));
    for (std::size_t i = bytes.size() - 4 * nan.frames(); i + 4 <= bytes.size(); i += 4)
      bytes.replace(i, 4, "\xff\xff\xff\x7f");
    put(in("all-nan.wav"), bytes);
    const auto allNan = readAudio(in("all-nan.wav"));
    QVERIFY(!allNan && isSentence(allNan.error().message));
    QVERIFY(writeAudio(in("nan16.wav"), nan, AudioFormat::wav16).has_value());
    AudioData one;
    one.channels = {{0.5f}};
    QVERIFY(writeAudio(in("one.wav"), one, AudioFormat::wav32f).has_value());
    QCOMPARE(readAudio(in("one.wav"))->frames(), std::size_t{1});
    QCOMPARE(resample(one, 44100).frames(), std::size_t{1});
    QVERIFY(!writeAudio(in("none.wav"), AudioData{}, AudioFormat::wav16).has_value());
    const auto tooLong = readAudio(in("a.wav"), 0.1);
    QVERIFY(!tooLong && isSentence(tooLong.error().message));
    for (const fs::path& p : {in("missing.wav"), fs::path(dir_.path().toStdString()), fs::path("/dev/null")}) {
      const auto no = readAudio(p);
      QVERIFY2(!no && isSentence(no.error().message), p.c_str());
    }
  }
  void cancelLeavesNothing() {
    const fs::path folder = in("cancel");
    fs::create_directory(folder);
    put(folder / "x.wav", "before");
    int calls = 0;
    const auto done = writeAudio(folder / "x.wav", tone(), AudioFormat::wav24, [&](double) { return ++calls < 3; });
    QVERIFY(!done);
    QCOMPARE(QString::fromStdString(done.error().message), QString("Cancelled."));
    QCOMPARE(entries(folder), 1);
    QVERIFY(bytesOf(folder / "x.wav") == "before");
  }
  void failureKeepsTheFile_data() {
    QTest::addColumn<int>("format");
    for (int f = 0; f < 6; ++f) QTest::newRow(std::to_string(f).c_str()) << f;
  }
  /// A limit on file size stands for a full disk: write() fails the same way. In a child process,
  /// since the limit cannot be undone.
  void failureKeepsTheFile() {
    QFETCH(int, format);
    const fs::path folder = in(("full" + std::to_string(format)).c_str());
    fs::create_directory(folder);
    put(folder / "x", "before");
    AudioData noise = tone(48000, 3);
    std::mt19937 random(1);
    for (auto& c : noise.channels)
      for (float& x : c) x = static_cast<float>(random() % 1000) / 1000.0f - 0.5f;
    const pid_t child = fork();
    if (child == 0) {
      std::signal(SIGXFSZ, SIG_IGN);
      const rlimit limit{20000, 20000};
      setrlimit(RLIMIT_FSIZE, &limit);
      const auto done = writeAudio(folder / "x", noise, static_cast<AudioFormat>(format));
      _exit(!done && isSentence(done.error().message) ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    QVERIFY(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    QCOMPARE(entries(folder), 1);
    QVERIFY(bytesOf(folder / "x") == "before");
  }
  void unwritable() {
    QCOMPARE(::mkfifo(in("pipe.wav").c_str(), 0600), 0);  // renaming onto a device would replace it
    QVERIFY(!writeAudio(in("pipe.wav"), tone(), AudioFormat::wav16) && fs::is_fifo(in("pipe.wav")));
    for (const fs::path& p :
         {in("no/such/folder/x.wav"), fs::path("/proc/x.wav"), fs::path(dir_.path().toStdString())}) {
      const auto done = writeAudio(p, tone(), AudioFormat::wav16);
      QVERIFY2(!done && isSentence(done.error().message), p.c_str());
    }
  }
  /// A message means the same from a keyboard and in a file.
  void midiMessages() {
    using Type = PlayerEvent::Type;
    const auto one = [](unsigned status, unsigned a, unsigned b) {
      const auto events = playerEventsOf(status, a, b);
      return events.size() == 1 ? events[0] : PlayerEvent{-1, Type::panic, -1, -1};
    };
    const auto is = [](const PlayerEvent& e, Type type, float key, float value) {
      return e.type == type && e.key == key && std::abs(e.value - value) < 1e-6F;
    };
    QVERIFY(is(one(0x93, 60, 127), Type::noteOn, 60, 1) && is(one(0x93, 60, 0), Type::noteOff, 60, 0));
    QVERIFY(is(one(0xb0, 11, 0), Type::expression, 0, 0) && is(one(0xb5, 11, 127), Type::expression, 0, 1));
    QVERIFY(is(one(0xb0, 64, 64), Type::sustain, 0, 1) && is(one(0xb0, 64, 63), Type::sustain, 0, 0));
    QVERIFY(is(one(0xd0, 127, 0), Type::pressure, 0, 1) && is(one(0xe0, 0, 0), Type::bend, 0, -2.0F / 12));
    QVERIFY(is(one(0xb0, 123, 0), Type::panic, 0, 0) && playerEventsOf(0xb0, 7, 100).empty());
    // controllers reset: pedal up, no bend, no pressure, full expression
    std::map<Type, float> left{{Type::sustain, 1}, {Type::bend, 1}, {Type::pressure, 1}, {Type::expression, 0}};
    for (const PlayerEvent& e : playerEventsOf(0xb0, 121, 0)) left[e.type] = e.value;
    QVERIFY((left ==
             std::map<Type, float>{{Type::sustain, 0}, {Type::bend, 0}, {Type::pressure, 0}, {Type::expression, 1}}));
    const std::vector<std::uint8_t> file = {'M', 'T',  'h', 'd', 0,   0,   0, 6, 0,    0,    0,    1,  0,
                                            96,  'M',  'T', 'r', 'k', 0,   0, 0, 15,   0,    0x90, 60, 100,
                                            0,   0xb0, 11,  64,  96,  121, 0, 0, 0xff, 0x2f, 0};
    const auto got = parseMidi(file, 1000, "It");
    QVERIFY2(got.has_value(), got ? "" : got.error().message.c_str());
    std::vector<Type> types;
    for (const PlayerEvent& e : *got) types.push_back(e.type);
    QVERIFY(std::count(types.begin(), types.end(), Type::expression) == 2);
    QVERIFY(std::count(types.begin(), types.end(), Type::sustain) == 1);
  }
  void midi() {
    // format 1: a tempo track (120 then 60 a minute from tick 96), a track with running status
    const std::vector<std::uint8_t> file = {
        'M', 'T',  'h',  'd', 0,   0,    0,    6,   0,    1,    0,    2,  0,    96,   'M', 'T',  'r',  'k',
        0,   0,    0,    18,  0,   0xff, 0x51, 3,   0x07, 0xa1, 0x20, 96, 0xff, 0x51, 3,   0x0f, 0x42, 0x40,
        0,   0xff, 0x2f, 0,   'M', 'T',  'r',  'k', 0,    0,    0,    20, 0,    0x90, 60,  127,  96,   60,
        0,   0,    64,   64,  96,  64,   0,    0,   0xe0, 0,    0x60, 0,  0xff, 0x2f, 0};
    const auto got = parseMidi(file, 1000, "It");
    QVERIFY2(got.has_value(), got ? "" : got.error().message.c_str());
    QCOMPARE(got->size(), std::size_t{5});
    using Type = PlayerEvent::Type;
    const std::vector<std::tuple<int, Type, float>> want = {{0, Type::noteOn, 60.0f},
                                                            {500, Type::noteOff, 60.0f},
                                                            {500, Type::noteOn, 64.0f},
                                                            {1500, Type::noteOff, 64.0f},
                                                            {1500, Type::bend, 0.0f}};
    for (std::size_t i = 0; i < want.size(); ++i) {
      QCOMPARE(static_cast<int>((*got)[i].frame), std::get<0>(want[i]));
      QVERIFY((*got)[i].type == std::get<1>(want[i]));
      QCOMPARE((*got)[i].key, std::get<2>(want[i]));
    }
    QCOMPARE((*got)[4].value, 1.0f / 12);
    QCOMPARE((*got)[0].value, 1.0f);
    std::mt19937 random(3);
    for (int i = 0; i < 20000; ++i) {  // hostile: cut and damaged anywhere
      std::vector<std::uint8_t> bad(file.begin(),
                                    file.begin() + static_cast<std::ptrdiff_t>(random() % (file.size() + 1)));
      for (int k = 0; k < 4 && bad.size() > 8; ++k)
        bad[4 + random() % (bad.size() - 4)] = static_cast<std::uint8_t>(random());
      const auto r = parseMidi(bad, 48000, "It");
      if (!r)
        QVERIFY2(isSentence(r.error().message) || r.error().message.starts_with("It "), r.error().message.c_str());
      else
        QVERIFY(std::is_sorted(r->begin(), r->end(), [](auto& a, auto& b) { return a.frame < b.frame; }));
    }
    QVERIFY(!readMidi(in("missing.mid"), 48000));
  }
};

QTEST_GUILESS_MAIN(TestFiles)
#include "tst_files.moc"
