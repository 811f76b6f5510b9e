// SPDX-License-Identifier: GPL-3.0-or-later
// links: nodes
// One executor for playing, rendering and fitting: the same bits tick by tick, over long stretches,
// under a tape and in any lane.
#include <QtTest>
#include <cmath>

#include "core/graph/gradient.h"
#include "core/graph/realtime.h"
#include "core/graph/voices.h"
#include "patch_rig.h"

using namespace tests;

namespace {
constexpr int kTicks = 48;

Plan planOf(const Patch& p) { return compilePlan(p, registry(), {.rate = 48000}).value(); }
std::vector<VoiceEvent> eventsOf(const Patch& p) { return allocate(playerEvents(p.phrase, 48000), p.voices); }

/// Left output of every clip; stretches take the given lengths in turn.
std::vector<std::vector<Sample>> play(const Patch& p, int clips, const std::vector<int>& stretches,
                                      const std::vector<double>& cutoffs = {}) {
  const DenormalsOff denormals;
  ExecutorOptions options;
  options.clips = clips;
  options.stretchTicks = 16;
  auto e = std::move(Executor::create(planOf(p), options).value());
  const auto events = eventsOf(p);
  e->setEvents(events);
  const int knob = e->plan().findKnob("svf", "cutoff");
  for (std::size_t c = 0; c < cutoffs.size(); ++c) e->setParameter(knob, static_cast<int>(c), cutoffs[c]);
  const int group = e->domain(false).group;
  std::vector<std::vector<Sample>> out(static_cast<std::size_t>(clips));
  for (int t = 0, i = 0; t < kTicks; ++i) {
    const int ticks = std::min(stretches[static_cast<std::size_t>(i) % stretches.size()], kTicks - t);
    e->run(ticks);
    for (int c = 0; c < clips; ++c)
      for (int f = 0; f < ticks * kTick; ++f)
        out[static_cast<std::size_t>(c)].push_back(e->output(0, c / group)[f * group + c % group]);
    t += ticks;
  }
  return out;
}
bool heard(const std::vector<Sample>& x) {
  return std::any_of(x.begin(), x.end(), [](Sample v) { return std::abs(v) > 0.01f; });
}
}  // namespace

class TestExecutor : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void stretchesAndTapeGiveTheSameBits_data() {
    QTest::addColumn<int>("which");
    QTest::newRow("feedback") << 0;
    QTest::newRow("16 voices") << 1;
    QTest::newRow("tracks") << 2;
    QTest::newRow("reverb") << 3;
  }
  void stretchesAndTapeGiveTheSameBits() {
    QFETCH(int, which);
    const Patch p = which == 0   ? feedbackPatch()
                    : which == 1 ? voicesPatch(16)
                    : which == 2 ? tracksPatch()
                                 : reverbPatch();
    const auto live = play(p, 1, {1})[0];
    QVERIFY(heard(live));
    QVERIFY(play(p, 1, {16})[0] == live);
    QVERIFY(play(p, 1, {3, 7, 1, 13})[0] == live);
    const DenormalsOff denormals;
    const auto events = eventsOf(p);
    for (const int stretch : {0, 5}) {
      Gradient::Options options;
      options.stretchTicks = stretch;
      auto g = std::move(Gradient::create(planOf(p), {}, kTicks, options).value());
      g->executor().setEvents(events);
      for (int again = 0; again < 2; ++again) {
        g->forward();
        std::vector<Sample> taped(live.size());
        g->copyOutput(0, 0, taped);
        QVERIFY(taped == live);
      }
    }
  }
  /// Plans that share memories: what the next one prepares is not read by the one that plays.
  void theNextOneLeavesThisOneAlone() {
    const DenormalsOff denormals;
    Patch p;
    p.nodes = {node("noise", "source.noise"), node("room", "effect.convolution"), node("out", "structure.output")};
    p.nodes[1].settings["length"] = {0.05, ""};
    p.cables = {{"noise", "out", "room", "in"}, {"room", "out", "out", "in"}};
    Patch other = p;
    other.nodes[1].tensors["response"] = std::make_shared<const Blob>(Blob{{2400}, std::vector<float>(2400, 0.01F)});
    const auto make = [](const Patch& patch, StateStore* store) {
      ExecutorOptions options;
      options.store = store;
      return std::move(Executor::create(planOf(patch), options).value());
    };
    const auto hear = [](Executor& e, std::vector<Sample>& to) {
      for (int i = 0; i < 8; ++i) {
        e.run(8);
        to.insert(to.end(), e.output(0, 0), e.output(0, 0) + static_cast<std::ptrdiff_t>(8) * kTick);
      }
    };
    StateStore store;
    const auto alone = make(p, nullptr), playing = make(p, &store);
    std::vector<Sample> wanted, got, next;
    for (int i = 0; i < 2; ++i) hear(*alone, wanted);
    hear(*playing, got);
    const auto following = make(other, &store);
    hear(*playing, got);
    QVERIFY(heard(got) && got == wanted);
    hear(*following, next);  // goes on where that one was, with its own response
    QVERIFY(heard(next));
  }
  void clipsEqualSingles() {
    const std::vector<double> cutoffs = {300, 500, 900, 1500, 2500, 4000, 7000, 11000};
    const auto lanes = play(feedbackPatch(), 8, {16}, cutoffs);
    const auto four = play(feedbackPatch(), 4, {5}, {cutoffs.begin(), cutoffs.begin() + 4});
    for (std::size_t c = 0; c < 8; ++c) {
      QVERIFY(play(feedbackPatch(), 1, {16}, {cutoffs[c]})[0] == lanes[c]);
      if (c < 4) QVERIFY(four[c] == lanes[c]);
      if (c > 0) QVERIFY(lanes[c] != lanes[0]);
    }
  }
  void voicesInClips() {
    const auto one = play(voicesPatch(2), 1, {4})[0];
    for (const auto& clip : play(voicesPatch(2), 4, {16})) QVERIFY(clip == one);
  }
};

QTEST_GUILESS_MAIN(TestExecutor)
#include "tst_executor.moc"
