"""The window's style sheet, built from one Theme. No fonts here: a font in a style sheet loses its features.

Convention: a widget chooses its look by object name (#link, #mini, ...) or, for labels, by the property `tone`
("text", "text2", "text3", "disabled", "accent", "warn", "error"), so that a change of theme restyles it in place.
"""

from __future__ import annotations

from app import icons
from app.theme import BUTTON_RADIUS, FIELD_RADIUS, GAP, PANEL_RADIUS, STATUS_HEIGHT, TREE_HEIGHT, Theme

TONES = ("text", "text2", "text3", "disabled", "accent", "warn", "error")


def stylesheet(theme: Theme) -> str:
    """Everything, for QApplication.setStyleSheet."""
    return "\n".join((_frames(theme), _buttons(theme), _fields(theme), _lists(theme), _menus(theme)))


def _frames(t: Theme) -> str:
    tones = "\n".join(
        f'QLabel[tone="{tone}"] {{ color: {getattr(t, tone)}; background: transparent; }}' for tone in TONES
    )
    r = PANEL_RADIUS
    return f"""
    QMainWindow, #ground {{ background: {t.ground}; }}
    QMainWindow::separator {{ background: {t.ground}; width: {GAP}px; height: {GAP}px; }}
    QMainWindow::separator:hover {{ background: {t.accent_soft}; }}
    QWidget {{ color: {t.text}; }}
    {tones}
    QLabel:disabled {{ color: {t.disabled}; }}
    #head {{ background: {t.panel}; border-top-left-radius: {r}px; border-top-right-radius: {r}px; }}
    #body {{ background: {t.panel}; border-bottom-left-radius: {r}px; border-bottom-right-radius: {r}px; }}
    #card {{ background: {t.panel}; border-radius: {r}px; }}
    #well {{ background: {t.well}; border-radius: 6px; }}
    #rule {{ background: {t.line}; }}
    #overlay {{ background: {t.overlay}; border-radius: 6px; }}
    #popup {{ background: {t.panel}; border: 1px solid {t.border}; border-radius: 8px; }}
    #badge {{ background: {t.hover}; color: {t.text2}; border-radius: 11px; }}
    #badge[current="true"] {{ background: {t.accent}; color: {t.accent_ink}; }}
    #head, #sectionHead, #clear {{ border: none; }}
    #sectionHead:hover {{ background: {t.hover}; }}
    QScrollArea, QScrollArea > QWidget > QWidget#clear {{ background: transparent; border: none; }}
    QToolTip {{ background: {t.panel}; color: {t.text}; border: 1px solid {t.border}; padding: 4px 6px; }}
    QStatusBar {{ background: {t.ground}; border: none; min-height: {STATUS_HEIGHT}px; max-height: {STATUS_HEIGHT}px; }}
    QStatusBar::item {{ border: none; }}
    QSplitter::handle {{ background: transparent; }}
    """


def _buttons(t: Theme) -> str:
    r = BUTTON_RADIUS
    return f"""
    QToolBar {{ background: {t.ground}; border: none; padding: 2px 4px 6px 4px; spacing: 2px; }}
    QToolButton {{ border: 1px solid transparent; border-radius: {r}px; padding: 0 8px; min-height: 28px;
                   color: {t.text2}; background: transparent; }}
    QToolButton:hover {{ background: {t.hover}; color: {t.text}; }}
    QToolButton:pressed {{ background: {t.line}; }}
    QToolButton:checked, QToolButton:checked:hover {{ background: {t.accent_soft}; color: {t.accent}; }}
    QToolButton:focus {{ border-color: {t.accent}; }}
    QToolButton:disabled {{ color: {t.disabled}; background: transparent; }}
    QToolButton::menu-indicator {{ image: none; width: 0; }}
    QToolButton#primary {{ background: {t.accent}; color: {t.accent_ink}; padding: 0 13px 0 10px; }}
    QToolButton#primary:hover {{ background: {t.accent}; border-color: {t.text}; }}
    QToolButton#primary:focus {{ border-color: {t.text}; }}
    QToolButton#primary:disabled {{ background: {t.field}; color: {t.disabled}; }}
    QToolButton#mini {{ min-height: 18px; max-height: 18px; min-width: 18px; max-width: 18px; padding: 0;
                        border-radius: 4px; }}
    QToolButton#rail {{ min-height: 30px; max-height: 30px; min-width: 30px; max-width: 30px; padding: 0; }}
    QToolButton#chip {{ min-height: 22px; max-height: 22px; padding: 0 8px; border-radius: {FIELD_RADIUS}px;
                        background: {t.field}; border-color: {t.border}; color: {t.text}; }}
    QToolButton#chip:hover {{ background: {t.hover}; }}
    QToolButton#chip:focus {{ border-color: {t.accent}; }}
    QToolButton#chip:disabled {{ color: {t.disabled}; }}
    QToolButton#link {{ min-height: 18px; max-height: 18px; padding: 0 8px; border-radius: {FIELD_RADIUS}px;
                        color: {t.accent}; background: {t.accent_soft}; }}
    QToolButton#link:hover {{ border-color: {t.accent}; }}
    QToolButton#link:disabled {{ color: {t.disabled}; background: {t.field}; }}
    QToolButton#quiet {{ min-height: 18px; max-height: 18px; padding: 0 8px; border-radius: {FIELD_RADIUS}px; }}
    QToolButton#fold {{ min-height: 26px; max-height: 26px; padding: 0 4px; border-radius: 4px; color: {t.text}; }}
    #segment {{ background: {t.well}; border-radius: 6px; }}
    #segment QToolButton {{ min-height: 18px; max-height: 18px; padding: 0 8px; border-radius: 4px; margin: 2px 1px; }}
    #segment QToolButton:checked, #segment QToolButton:checked:hover {{ background: {t.raised}; color: {t.text}; }}
    #overlay QToolButton {{ min-height: 20px; max-height: 20px; padding: 0 7px; border-radius: 4px; margin: 2px 1px; }}
    QPushButton {{ background: {t.field}; border: 1px solid {t.border}; border-radius: {r}px; padding: 4px 14px;
                   min-height: 20px; color: {t.text}; }}
    QPushButton:hover {{ background: {t.hover}; }}
    QPushButton:default, QPushButton:focus {{ border-color: {t.accent}; }}
    QPushButton:disabled {{ color: {t.disabled}; }}
    """


def _fields(t: Theme) -> str:
    r = FIELD_RADIUS
    return f"""
    QComboBox {{ background: {t.field}; border: 1px solid {t.border}; border-radius: {r}px; padding: 0 2px 0 8px;
                 min-height: 24px; max-height: 24px; }}
    QComboBox#tight {{ padding: 0 0 0 6px; }}
    QComboBox#tight::drop-down {{ width: 16px; }}
    QComboBox:hover {{ background: {t.hover}; }}
    QComboBox:focus {{ border-color: {t.accent}; }}
    QComboBox::drop-down {{ border: none; width: 20px; }}
    QComboBox::down-arrow {{ image: url({icons.file("chevron-down", t.text2)}); width: 12px; height: 12px; }}
    QComboBox:disabled {{ color: {t.disabled}; background: transparent; }}
    QComboBox::down-arrow:disabled {{ image: url({icons.file("chevron-down", t.disabled)}); }}
    QComboBox QAbstractItemView {{ background: {t.panel}; border: 1px solid {t.border}; padding: 3px; outline: none;
                                   selection-background-color: {t.accent_soft}; selection-color: {t.text}; }}
    QComboBox QAbstractItemView::item {{ min-height: 24px; padding: 0 6px; border-radius: 4px; color: {t.text}; }}
    QComboBox QAbstractItemView::item:disabled {{ color: {t.disabled}; }}
    QLineEdit, QSpinBox {{ background: {t.field}; border: 1px solid {t.border}; border-radius: {r}px; padding: 0 4px;
                           min-height: 20px; max-height: 20px; selection-background-color: {t.accent};
                           selection-color: {t.accent_ink}; }}
    QLineEdit:focus, QSpinBox:focus {{ border-color: {t.accent}; }}
    QLineEdit[wrong="true"] {{ border-color: {t.error}; }}
    QLineEdit:disabled, QSpinBox:disabled {{ color: {t.disabled}; background: transparent; }}
    QSlider {{ min-height: 20px; background: transparent; }}
    QSlider::groove:horizontal {{ height: 3px; border-radius: 1px; background: {t.groove}; }}
    QSlider::sub-page:horizontal {{ height: 3px; border-radius: 1px; background: {t.accent}; }}
    QSlider::handle:horizontal {{ width: 10px; height: 10px; margin: -5px 0; border-radius: 6px;
                                  background: {t.handle}; border: 1px solid {t.handle_border}; }}
    QSlider::handle:horizontal:focus {{ border-color: {t.accent}; }}
    QSlider::sub-page:horizontal:disabled {{ background: {t.disabled}; }}
    QSlider::handle:horizontal:disabled {{ background: {t.disabled}; border-color: {t.disabled}; }}
    QCheckBox {{ spacing: 7px; color: {t.text2}; }}
    QCheckBox:disabled {{ color: {t.disabled}; }}
    {_indicator("QCheckBox", t)}
    QTextBrowser, QPlainTextEdit {{ background: {t.panel}; color: {t.text}; border: none; }}
    QDialog {{ background: {t.panel}; }}
    QProgressBar {{ background: {t.groove}; border: none; border-radius: 2px; min-height: 4px; max-height: 4px; }}
    QProgressBar::chunk {{ background: {t.accent}; border-radius: 2px; }}
    """


def _indicator(widget: str, t: Theme) -> str:
    return f"""
    {widget}::indicator {{ width: 13px; height: 13px; border-radius: 3px; border: 1px solid {t.text3};
                           background: transparent; }}
    {widget}::indicator:checked {{ border-color: {t.accent}; background: {t.accent};
                                   image: url({icons.file("check", t.accent_ink)}); }}
    {widget}::indicator:indeterminate {{ border-color: {t.accent}; background: {t.accent};
                                         image: url({icons.file("minus", t.accent_ink)}); }}
    {widget}::indicator:disabled {{ border-color: {t.disabled}; }}
    """


def _lists(t: Theme) -> str:
    return f"""
    QTreeWidget {{ background: transparent; border: none; outline: none; }}
    QTreeWidget::item {{ height: {TREE_HEIGHT}px; border: none; padding: 0; }}
    QTreeWidget::item:hover {{ background: {t.hover}; }}
    QTreeWidget::item:selected {{ background: {t.accent_soft}; color: {t.text}; }}
    QTreeView::branch {{ background: transparent; }}
    QTreeView::branch:selected {{ background: {t.accent_soft}; }}
    QTreeView::branch:open:has-children {{ image: url({icons.file("chevron-down", t.text2)}); }}
    QTreeView::branch:closed:has-children {{ image: url({icons.file("chevron-right", t.text2)}); }}
    {_indicator("QTreeView", t)}
    QScrollBar {{ background: transparent; border: none; margin: 0; }}
    QScrollBar:vertical {{ width: 8px; }}
    QScrollBar:horizontal {{ height: 8px; }}
    QScrollBar::handle {{ background: {t.groove}; border-radius: 2px; margin: 2px; }}
    QScrollBar::handle:vertical {{ min-height: 28px; }}
    QScrollBar::handle:horizontal {{ min-width: 28px; }}
    QScrollBar::handle:hover {{ background: {t.disabled}; }}
    QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
    QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
    QTabBar {{ background: {t.ground}; border: none; qproperty-drawBase: 0; }}
    QTabBar::tab {{ background: transparent; color: {t.text2}; border: none; padding: 4px 12px; margin: 2px 2px 0 0;
                    border-radius: 6px; }}
    QTabBar::tab:hover {{ color: {t.text}; }}
    QTabBar::tab:selected {{ background: {t.panel}; color: {t.text}; }}
    """


def _menus(t: Theme) -> str:
    return f"""
    QMenuBar {{ background: {t.ground}; padding: 2px 4px; border: none; }}
    QMenuBar::item {{ padding: 4px 9px; border-radius: 4px; color: {t.text2}; background: transparent; }}
    QMenuBar::item:selected {{ background: {t.hover}; color: {t.text}; }}
    QMenu {{ background: {t.panel}; border: 1px solid {t.border}; padding: 4px; }}
    QMenu::item {{ padding: 5px 26px 5px 24px; border-radius: 4px; color: {t.text}; background: transparent; }}
    QMenu::item:selected {{ background: {t.accent_soft}; }}
    QMenu::item:disabled {{ color: {t.disabled}; }}
    QMenu::separator {{ height: 1px; background: {t.line}; margin: 4px 6px; }}
    QMenu::indicator {{ width: 14px; height: 14px; margin-left: 5px; }}
    QMenu::indicator:checked {{ image: url({icons.file("check", t.accent)}); }}
    """
