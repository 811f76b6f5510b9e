// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/browser/node_delegate.h"

#include <QPainter>

#include "ui/theme.h"

namespace ui {

void NodeDelegate::paint(QPainter* p, const QStyleOptionViewItem& option, const QModelIndex& index) const {
  const Theme& t = theme();
  const QRect row = option.rect.adjusted(0, 1, 0, -1);
  const QVariant stripe = index.data(kStripeRole);
  p->save();
  p->setRenderHint(QPainter::Antialiasing);
  QFont font = option.font;
  if (!stripe.isValid()) {  // a heading
    font.setPixelSize(11);
    font.setWeight(QFont::DemiBold);
    p->setFont(font);
    p->setPen(t.secondary);
    p->drawText(row.adjusted(4, 0, 0, 0), Qt::AlignVCenter | Qt::AlignLeft, index.data().toString());
    p->restore();
    return;
  }
  const bool chosen = option.state & QStyle::State_Selected;
  p->setPen(Qt::NoPen);
  p->setBrush(chosen ? t.line : option.state & QStyle::State_MouseOver ? t.node.lighter(115) : t.node);
  p->drawRoundedRect(row, 4, 4);
  p->fillRect(QRect(row.left(), row.top(), 3, row.height()), stripe.value<QColor>());
  font.setPixelSize(12);
  p->setFont(font);
  const QString note = index.data(kNoteRole).toString();
  const int noteWidth = note.isEmpty() ? 0 : p->fontMetrics().horizontalAdvance(note) + 12;
  const QRect area = row.adjusted(12, 0, -8, 0);
  p->setPen(t.text);
  p->drawText(area.adjusted(0, 0, -noteWidth, 0), Qt::AlignVCenter | Qt::AlignLeft,
              p->fontMetrics().elidedText(index.data().toString(), Qt::ElideRight, area.width() - noteWidth));
  p->setPen(t.secondary);
  if (noteWidth) p->drawText(area, Qt::AlignVCenter | Qt::AlignRight, note);
  p->restore();
}

}  // namespace ui
