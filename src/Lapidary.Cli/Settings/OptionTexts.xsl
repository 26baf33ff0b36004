<?xml version="1.0"?>
<!-- Lines "SftConfig.MaxSteps", a tab, the summary, out of the documentation comments of the configuration records. A reference to another
     property becomes its option: WarmupSteps is "warmup-steps" behind two hyphens. (MSBuild drops text that is white space alone.) -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
  <xsl:output method="text" encoding="utf-8" />
  <xsl:variable name="upper" select="'ABCDEFGHIJKLMNOPQRSTUVWXYZ'" />
  <xsl:variable name="lower" select="'abcdefghijklmnopqrstuvwxyz'" />

  <xsl:template match="/">
    <xsl:apply-templates select="//member[starts-with(@name, 'P:Lapidary.Training.SftConfig.')
      or starts-with(@name, 'P:Lapidary.Training.HubPush.') or starts-with(@name, 'P:Lapidary.Gemma.LoraConfig.')]" />
  </xsl:template>

  <xsl:template match="member">
    <xsl:variable name="text"><xsl:apply-templates select="summary/node()" /></xsl:variable>
    <xsl:value-of select="substring-after(substring-after(@name, '.'), '.')" />
    <xsl:value-of select="'&#9;'" />
    <xsl:value-of select="normalize-space($text)" />
    <xsl:value-of select="'&#10;'" />
  </xsl:template>

  <xsl:template match="see">
    <xsl:text>--</xsl:text>
    <xsl:variable name="path" select="substring-after(substring-after(@cref, '.'), '.')" />
    <xsl:call-template name="option">
      <xsl:with-param name="name">
        <xsl:choose>
          <xsl:when test="contains($path, '.')"><xsl:value-of select="substring-after($path, '.')" /></xsl:when>
          <xsl:otherwise><xsl:value-of select="$path" /></xsl:otherwise>
        </xsl:choose>
      </xsl:with-param>
    </xsl:call-template>
  </xsl:template>

  <xsl:template name="option">
    <xsl:param name="name" />
    <xsl:param name="isFirst" select="true()" />
    <xsl:variable name="letter" select="substring($name, 1, 1)" />
    <xsl:if test="not($isFirst) and contains($upper, $letter)"><xsl:text>-</xsl:text></xsl:if>
    <xsl:value-of select="translate($letter, $upper, $lower)" />
    <xsl:if test="string-length($name) &gt; 1">
      <xsl:call-template name="option">
        <xsl:with-param name="name" select="substring($name, 2)" />
        <xsl:with-param name="isFirst" select="false()" />
      </xsl:call-template>
    </xsl:if>
  </xsl:template>
</xsl:stylesheet>
